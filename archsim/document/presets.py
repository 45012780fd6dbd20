"""Presets by name, by path or as the start of an inline mapping; and what laying one thing over another means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path as FilePath

from pydantic import BaseModel

from archsim import plugins
from archsim.document.source import read_file
from archsim.document.tree import Node, Path, dotted, from_python
from archsim.errors import ArchsimError, InputError, Place

__all__ = ["expand", "group_at", "merge"]

#: Where a preset may stand, and of which group; ``*`` is any position of a list.
_SLOTS: dict[tuple[str, ...], plugins.Group] = {
    ("network",): "archsim.networks",
    ("network", "layers", "*", "device"): "archsim.devices",
    ("chip",): "archsim.chips",
    ("chip", "device"): "archsim.devices",
}
_REFERENCE = "preset"
_DEEPEST = 8


def group_at(path: Path) -> plugins.Group | None:
    """Return the group of presets that may stand at a path, or None."""
    return _SLOTS.get(tuple("*" if isinstance(part, int) else part for part in path))


def expand(node: Node, folder: FilePath, path: Path = (), depth: int = 0) -> Node:
    """Return a tree in which every preset stands written out, with what is written beside it laid over it.

    Parameters
    ----------
    node : Node
        The tree, or a part of it.
    folder : pathlib.Path
        What relative paths to files start from.
    path : tuple
        Where `node` stands in the document.
    depth : int
        How many files refer to each other already.

    Raises
    ------
    InputError
        If a preset is unknown, or a file cannot be read.
    """
    group = group_at(path)
    if group is not None and isinstance(node.value, str):
        return replace(_referenced(node, group, folder, path, depth), key_place=node.key_place)
    if isinstance(node.value, tuple):
        items = (expand(item, folder, (*path, i), depth) for i, item in enumerate(node.value))
        return replace(node, value=tuple(items))
    if not isinstance(node.value, dict):
        return node
    reference = node.value.get(_REFERENCE) if group is not None else None
    own = node.with_entries(
        {
            key: expand(child, folder, (*path, key), depth)
            for key, child in node.value.items()
            if reference is None or key != _REFERENCE
        }
    )
    if group is None or reference is None:
        return own
    if not isinstance(reference.value, str):
        raise InputError(
            "a preset is called by its name or by the path of a file",
            field=dotted((*path, _REFERENCE)),
            value=reference.plain(),
            allowed=", ".join(plugins.names(group)),
            place=reference.place,
        )
    base = _referenced(reference, group, folder, path, depth)
    return replace(merge(base, own, path), whole=True, key_place=node.key_place)


def merge(base: Node, over: Node, path: Path) -> Node:
    """Lay one tree over another: mappings deeply, everything else as a whole.

    A device of another kind replaces the device as a whole, for its fields are others. A constant
    whose value changes loses its source.
    """
    if over.whole or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if group_at(path) == "archsim.devices" and _kind(over) not in (None, _kind(base)):
        return over
    entries = dict(base.value)
    for key, child in over.value.items():
        entries[key] = merge(entries[key], child, (*path, key)) if key in entries else child
    if base.value.keys() == {"value", "source", "status"} and "value" in over.value:
        written = over.value["value"].place
        entries = {"source": Node("experiment document", written), "status": Node("user", written)} | {
            key: child for key, child in entries.items() if key == "value" or key in over.value
        }
    return replace(over, value=entries)


def _kind(node: Node) -> object:
    kind = node.child("kind")
    return None if kind is None else kind.value


def _referenced(node: Node, group: plugins.Group, folder: FilePath, path: Path, depth: int) -> Node:
    """Return the preset or the file that a text names."""
    name = str(node.value)
    if depth >= _DEEPEST:
        raise InputError("presets refer to each other in a circle", field=dotted(path), value=name, place=node.place)
    if name in plugins.names(group):
        return replace(expand(_preset(name, group, path, node.place), folder, path, depth + 1), whole=True)
    file = FilePath(name).expanduser()
    if file.suffix not in (".yaml", ".yml"):
        if len(file.parts) > 1 or (folder / file).is_file():
            raise InputError(
                "a file of another kind", field=dotted(path), value=name, allowed=".yaml, .yml", place=node.place
            )
        raise plugins.unknown(group, name, field=dotted(path), place=node.place)
    file = folder / file
    written = read_file(file, field=dotted(path), place=node.place)
    return replace(expand(written, file.parent, path, depth + 1), whole=True)


def _preset(name: str, group: plugins.Group, path: Path, place: Place) -> Node:
    make = plugins.load(group, name, field=dotted(path), place=place)
    made = make()
    if not isinstance(made, (BaseModel, Mapping)):
        raise ArchsimError(f"'{name}' of {group} returned a {type(made).__name__}; a specification is needed")
    return from_python(made, Place(f"preset {name}"), path)
