"""Paths in a document: relative to the file that they stand in, absolute from then on.

So a resolved document names the same file from any folder, and a section may be included from elsewhere.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path as FilePath

from archsim.data.specification import COMPRESSED
from archsim.document.source import is_file
from archsim.document.tree import Node, Path, dotted
from archsim.errors import InputError

__all__ = ["PATHS", "absolute", "home_expanded", "with_absolute_paths"]

#: Where a document names a file or a folder by its path.
PATHS: tuple[Path, ...] = (("data", "path"), ("network", "weights"), ("schedule", "path"))
#: Where it names files that are looked for in several folders, unless one is given.
_NAMES: tuple[Path, ...] = (("data", "train_files"), ("data", "test_files"))


def with_absolute_paths(tree: Node) -> Node:
    """Return a document, presets and included files written out, in which every path is absolute.

    Names of data files stay as they are where ``data.path`` says in which folder they lie, or no such file lies
    beside the document.

    Raises
    ------
    InputError
        If a path starts from a home folder that is not known.
    """
    for path in PATHS:
        tree = _changed(tree, path, 0)
    folder = tree.entries["data"].child("path") if "data" in tree.entries else None
    if folder is None or folder.value is None:
        for path in _NAMES:
            tree = _changed(tree, path, 0)
    return tree


def absolute(node: Node, field: Path) -> FilePath:
    """Return the file that a text names; a relative path starts from the folder of the text's own file.

    Raises
    ------
    InputError
        If it starts from a home folder that is not known.
    """
    return (node.folder / home_expanded(node, field)).absolute()


def home_expanded(node: Node, field: Path) -> FilePath:
    """Return a text as a path, in which a leading ``~`` stands written out.

    Raises
    ------
    InputError
        If that home folder is not known.
    """
    try:
        return FilePath(str(node.value)).expanduser()
    except RuntimeError as error:
        raise InputError(
            "the home folder is not known", field=dotted(field), value=node.value, place=node.place
        ) from error


def _changed(node: Node, path: Path, at: int) -> Node:
    if at < len(path):
        child = node.child(path[at])
        if child is None or not isinstance(node.value, dict):
            return node
        return node.with_entries({**node.entries, str(path[at]): _changed(child, path, at + 1)})
    if isinstance(node.value, str):
        return replace(node, value=_text(absolute(node, path), node, path))
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(_beside(item, (*path, i)) for i, item in enumerate(node.value)))
    return node


def _text(file: FilePath, node: Node, field: Path) -> str:
    """Return a path as text, which a resolved document can hold."""
    try:
        str(file).encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            "the name of a folder or file is no UTF-8 text, and a document is",
            field=dotted(field),
            value=os.fsencode(file).decode("utf-8", "backslashreplace"),
            remedy="rename it, or make a symbolic link to it and give the path of that",
            place=node.place,
        ) from error
    return str(file)


def _beside(name: Node, field: Path) -> Node:
    """Return a file's name as a path, if it is one or the file lies beside the document."""
    if not isinstance(name.value, str):
        return name
    file = absolute(name, field)
    there = any(is_file(file.with_name(file.name + ending)) for ending in ("", *COMPRESSED) if file.name)
    return replace(name, value=_text(file, name, field)) if there else name
