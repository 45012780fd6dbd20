"""Overrides: ``a.b=value`` laid over a document whose presets stand written out."""

from __future__ import annotations

from dataclasses import replace

from archsim.document.expand import INCLUDE, PRESET, Expander
from archsim.document.parse import parse
from archsim.document.presets import group_at, merge
from archsim.document.tree import Node, Path, dotted
from archsim.errors import InputError, Place, did_you_mean

__all__ = ["apply", "put"]


def apply(tree: Node, text: str, expander: Expander, slot: Path = ()) -> Node:
    """Return the document with one override laid over it.

    Parameters
    ----------
    tree : Node
        The document, presets written out.
    text : str
        ``a.b=value``; the value is YAML, an item of a list is named by its ``name`` or by its position, a number.
    expander : Expander
        Writes out what the value refers to; relative paths start from the current folder.
    slot : tuple
        Where `tree` stands in the document, if it is a part by itself.

    Raises
    ------
    InputError
        If the text is no override, or there is nothing that it can be laid over.
    """
    place = Place(f"--set {text}")
    name, equals, written = text.partition("=")
    parts = name.strip().split(".")
    if not equals or not all(parts):
        raise InputError("not an override", value=text, allowed="field=value, such as training.epochs=3", place=place)
    if not written.strip():
        raise InputError("no value after '='", field=name, allowed="a value; 'null' for none", place=place)
    path = _with_positions(tree, tuple(int(part) if part.isdecimal() else part for part in parts))
    if path[-1] == PRESET and group_at((*slot, *path[:-1])):
        path = path[:-1]
    value = replace(parse(written, place, lines=False), key_place=place)
    if path[-1] == INCLUDE:
        path, value = path[:-1], Node({INCLUDE: value}, place, place)
    return _put(tree, path, 0, expander.expand(value, (*slot, *path)), slot)


def put(tree: Node, path: Path, value: Node) -> Node:
    """Return a tree with a value laid over what stands at a path; missing sections are added."""
    return _put(tree, path, 0, value, ())


def _with_positions(tree: Node, path: Path) -> Path:
    """Return a path with the positions of items that it calls by their names; what is not there stays as it is."""
    node: Node | None = tree
    found: list[str | int] = []
    for part in path:
        named = _names(node) if node is not None else ()
        found.append(named.index(part) if isinstance(part, str) and part in named else part)
        node = node.child(found[-1]) if node is not None else None
    return tuple(found)


def _names(node: Node) -> tuple[object, ...]:
    """Return what the items of a list are called, None for each without a name."""
    items = node.value if isinstance(node.value, tuple) else ()
    named = (item.child("name") if isinstance(item.value, dict) else None for item in items)
    return tuple(None if name is None else name.value for name in named)


def _put(node: Node, path: Path, at: int, value: Node, slot: Path) -> Node:
    if at == len(path):
        return replace(merge(node, value, (*slot, *path)), key_place=node.key_place or value.key_place)
    here, part = path[:at], path[at]
    if isinstance(node.value, tuple):
        child = node.child(part)
        if child is None:
            names = [str(name) for name in _names(node) if name is not None]
            position = f"a position from 0 to {len(node.value) - 1}"
            close = did_you_mean(part, names) if isinstance(part, str) else None
            raise InputError(
                "this is a list",
                field=dotted(here),
                value=part,
                allowed=f"{position}, or a name: {', '.join(names)}" if names else position,
                remedy=f"did you mean '{close}'?" if close else None,
                place=value.place,
            )
        items = [_put(child, path, at + 1, value, slot) if i == part else item for i, item in enumerate(node.value)]
        return replace(node, value=tuple(items))
    if isinstance(node.value, dict) or node.value is None:
        key = str(part)
        child = node.child(key) or Node(None, value.place, value.key_place)
        # A preset is right by itself: what is wrong with it afterwards is due to who changed it last.
        place = value.place if node.place.line is None else node.place
        if at + 1 < len(path):
            return replace(node, value={**node.entries, key: _put(child, path, at + 1, value, slot)}, place=place)
        # As a mapping of one entry, so that the rules for devices and constants hold here too.
        over = replace(node, value={key: value}, whole=False)
        merged = merge(node, over, (*slot, *here))
        return replace(merged, place=place, key_place=node.key_place, whole=node.whole)
    raise InputError(
        f"this is a single value and has no '{part}'", field=dotted(here), value=node.value, place=value.place
    )
