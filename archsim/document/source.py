"""Files to trees: what is no text, too large or not there is refused before anybody reads a line of it."""

from __future__ import annotations

from pathlib import Path as FilePath

from archsim.document.parse import MOST_NODES, parse
from archsim.document.tree import Node
from archsim.errors import InputError, Place
from archsim.files import open_regular

__all__ = ["MOST_BYTES", "Sources", "is_file", "read_file"]

#: What the files of one document may have together: far more than a person writes.
MOST_BYTES = 2**20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class Sources:
    """The files of one document, each read once, within bounds for all of them together."""

    def __init__(self) -> None:
        self._read: dict[FilePath, Node] = {}
        self._bytes_left = MOST_BYTES
        self._nodes_left = 2 * MOST_NODES

    def read(self, path: FilePath, *, field: str | None = None, place: Place | None = None) -> Node:
        """Return the mapping that a YAML file holds.

        Parameters
        ----------
        path : pathlib.Path
            The file.
        field, place : optional
            Who refers to the file, for the error if it cannot be read.

        Raises
        ------
        InputError
            If the file is missing, unreadable, too large, no text, empty, no YAML or no mapping.
        """
        if path not in self._read:
            raw = self._bytes(path, field, place)
            self._read[path] = _mapping(_text(raw, path), Place(str(path)))
        return self._read[path]

    def spend(self, node: Node) -> None:
        """Count one value that is written out.

        Raises
        ------
        InputError
            If there are too many: files that call each other again and again exceed any bound.
        """
        self._nodes_left -= 1
        if self._nodes_left < 0:
            raise InputError(
                "the document grows too large (files that include files again and again?)",
                allowed=f"up to {2 * MOST_NODES} values",
                place=node.place,
            )

    def _bytes(self, path: FilePath, field: str | None, place: Place | None) -> bytes:
        if not is_file(path):
            there = _exists(path)
            raise InputError(
                "not a file" if there else "there is no such file",
                field=field,
                value=str(path),
                remedy="a relative path starts from the folder of the file that it stands in" if place else None,
                place=place,
            )
        try:
            with open_regular(path) as file:
                raw = file.read(self._bytes_left + 1)
        except OSError as error:
            problem = f"the file cannot be read ({error.strerror})"
            raise InputError(problem, field=field, value=str(path), place=place) from error
        if len(raw) > self._bytes_left:
            raise InputError(
                "the document is too large",
                value=f"{path.stat().st_size} bytes",
                allowed=f"up to {MOST_BYTES >> 10} KiB, with all files that it includes",
                remedy="is this the right file? samples and other arrays belong into data files",
                place=Place(str(path)),
            )
        self._bytes_left -= len(raw)
        return raw


def read_file(path: FilePath, *, field: str | None = None, place: Place | None = None) -> Node:
    """Return the mapping that a single YAML file holds; see `Sources.read`."""
    return Sources().read(path, field=field, place=place)


def is_file(path: FilePath) -> bool:
    """Return whether a file is there; a name that no file can have is like none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _text(raw: bytes, path: FilePath) -> str:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        wide = raw.startswith(_UTF16)
        raise InputError(
            "the text is in UTF-16" if wide else "not a text file",
            value=None if wide else f"the byte {raw[error.start]:#04x}",
            allowed="YAML in UTF-8",
            remedy="save it as UTF-8" if wide else "is this the right file? if it is a text, save it as UTF-8",
            place=Place(str(path), before.count(b"\n") + 1, len(before) - before.rfind(b"\n")),
        ) from error
    if "\0" in text:
        line, column = (
            text.count("\n", 0, text.index("\0")) + 1,
            text.index("\0") - text.rfind("\n", 0, text.index("\0")),
        )
        raise InputError(
            "not a text file",
            value="the byte 0x00",
            allowed="YAML in UTF-8",
            remedy="is this the right file?",
            place=Place(str(path), line, column),
        )
    return text


def _mapping(text: str, here: Place) -> Node:
    node = parse(text, here)
    if node.value is None:
        raise InputError("the file is empty", allowed="a mapping of keys to values", place=here)
    if not isinstance(node.value, dict):
        raise InputError(
            "the document is not a mapping of keys to values", allowed="lines such as 'name: value'", place=node.place
        )
    return node
