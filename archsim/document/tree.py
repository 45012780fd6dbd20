"""The document as a tree that remembers where every value was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any

import numpy as np
from pydantic import BaseModel

from archsim.errors import InputError, Place

__all__ = ["Node", "Path", "Scalar", "dotted", "from_python"]

Scalar = None | bool | int | float | str
Path = tuple[str | int, ...]

_DEEPEST = 50
_MOST_BITS = 3000
#: Below it, every whole number has a floating-point number of its own.
_EXACT = 2.0**53


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place.

    Attributes
    ----------
    value : scalar, tuple of Node or dict of str to Node
        What was written.
    place : Place
        Where the value starts.
    key_place : Place, optional
        Where its key stands, if it stands under one.
    whole : bool
        True where a preset stands written out: it takes the place of what stood there before
        and is not merged into it.
    """

    value: Scalar | tuple[Node, ...] | dict[str, Node]
    place: Place
    key_place: Place | None = None
    whole: bool = False

    @property
    def folder(self) -> FilePath:
        """What a relative path that stands here starts from: the folder of its file, or the current one."""
        return FilePath() if self.place.line is None else FilePath(self.place.file).parent

    @property
    def entries(self) -> dict[str, Node]:
        """The entries of a mapping; none for anything else."""
        return self.value if isinstance(self.value, dict) else {}

    def child(self, key: str | int) -> Node | None:
        """Return what stands under a key or at a position, or None."""
        if isinstance(self.value, dict):
            return self.value.get(str(key))
        if isinstance(self.value, tuple) and isinstance(key, int) and 0 <= key < len(self.value):
            return self.value[key]
        return None

    def with_entries(self, entries: Mapping[str, Node]) -> Node:
        """Return this mapping with other entries."""
        return replace(self, value=dict(entries))

    def plain(self) -> Any:
        """Return the value as plain Python lists, dicts and scalars."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def as_json(self) -> str:
        """Return the value as JSON, for validation: lists become tuples there, and numbers in quotes stay refused."""
        return json.dumps(_with_whole_numbers(self.plain()))


def _with_whole_numbers(content: Any) -> Any:
    """Return plain values with 10.0 as 10, which is allowed wherever 10.0 is, and as a whole number."""
    if isinstance(content, dict):
        return {key: _with_whole_numbers(item) for key, item in content.items()}
    if isinstance(content, list):
        return [_with_whole_numbers(item) for item in content]
    if isinstance(content, float) and 0 < abs(content) < _EXACT and content.is_integer():
        return int(content)
    return content


def dotted(path: Path) -> str:
    """Write a path as users do: ``network.layers.0.features``."""
    return ".".join(str(part) for part in path)


def from_python(value: object, place: Place, path: Path = ()) -> Node:
    """Return plain Python values (and specifications, NumPy's numbers and arrays, and paths among them) as a tree.

    Raises
    ------
    InputError
        If a value is of a type that a document cannot hold.
    """
    if len(path) > _DEEPEST:
        raise InputError("the document is nested too deeply", field=dotted(path[:3]), place=place)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    elif isinstance(value, PurePath):
        value = str(value)
    if value is None or isinstance(value, (bool, float)):
        return Node(value, place)
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise InputError("a number with too many digits", field=dotted(path) or None, place=place)
        return Node(value, place)
    if isinstance(value, str):
        if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
            raise InputError("a text that is not Unicode", field=dotted(path) or None, value=value, place=place)
        return Node(value, place)
    if isinstance(value, Mapping):
        strange = next((key for key in value if not isinstance(key, str)), None)
        if strange is not None:
            raise InputError("a key must be a text", field=dotted(path) or None, value=strange, place=place)
        return Node({key: from_python(item, place, (*path, key)) for key, item in value.items()}, place)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return Node(tuple(from_python(item, place, (*path, i)) for i, item in enumerate(value)), place)
    raise InputError(
        f"a {type(value).__name__} cannot stand in a document",
        field=dotted(path) or None,
        value=value,
        allowed="numbers, texts, true, false, null, lists, mappings and specifications",
        place=place,
    )
