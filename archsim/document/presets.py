"""Presets: where they may stand, what stands behind a name, and what laying one thing over another means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pydantic import BaseModel

from archsim import plugins
from archsim.document.tree import Node, Path, dotted, from_python
from archsim.errors import ArchsimError, Place
from archsim.specification import settings_of

__all__ = ["SLOTS", "group_at", "merge", "named_kind", "preset"]

_DEVICES = (
    ("chip", "device"),
    ("network", "layers", "*", "device"),
    ("network", "layers", "*", "algorithm", "fast_device"),
    ("training", "algorithm", "fast_device"),
)
#: A device, and the devices of a cell of several.
_PARTS: tuple[tuple[str, ...], ...] = ((), ("device",), ("reference",), ("devices", "*"))
#: Where a preset may stand, and of which group; ``*`` is any position of a list.
SLOTS: dict[tuple[str, ...], plugins.Group] = {
    ("network",): "archsim.networks",
    ("network", "layers", "*", "algorithm"): "archsim.algorithms",
    ("chip",): "archsim.chips",
    ("training", "algorithm"): "archsim.algorithms",
}
SLOTS |= {(*place, *part): "archsim.devices" for place in _DEVICES for part in _PARTS}
#: Sections below a training algorithm or an inference that are of one of several kinds, each with keys of its own.
_ALTERNATIVES = frozenset(
    {
        ("inference", "noise"),
        ("inference", "programming"),
        ("inference", "programming", "write"),
        *((*place, part) for place in SLOTS if place[-1] == "algorithm" for part in ("modifier", "clip")),
    }
)
#: Sections of one of several kinds that share most of their keys: another kind keeps those that it knows.
_KINDS: dict[tuple[str, ...], plugins.Group] = {
    ("chip", "interconnect"): "archsim.interconnects",
    ("chip", "interconnect", "arbitration"): "archsim.arbitrations",
    ("chip", "arbitration"): "archsim.arbitrations",
    ("schedule",): "archsim.schedules",
    ("chip", "nmpu", "arithmetic"): "archsim.arithmetics",
    ("chip", "stage_engine", "arithmetic"): "archsim.arithmetics",
}
#: What is expected of a run in the mean, and the key that bounds it.
_BOUNDED = {"expected_bl": "desired_bl"}
#: Groups whose presets are of several kinds.
_OF_KINDS = frozenset({"archsim.devices", "archsim.algorithms"})
#: What tells a constant from other mappings.
_CONSTANT = frozenset({"value", "source", "status"})
#: What is known of a constant that has a source; a user's own number and a guess have none.
_SOURCED = frozenset({"measured", "published", "derived"})
#: Where a section says of which kind it is.
_KIND = "kind"
#: The fields of a unit that its ``timing`` gives the source of.
_TIMED = frozenset({"clock", "lanes", "pipeline_cycles", "bytes_per_cycle", "hop_cycles", "latency_cycles"})


def group_at(path: Path) -> plugins.Group | None:
    """Return the group of presets that may stand at a path, or None."""
    return SLOTS.get(_general(path))


def _general(path: Path) -> tuple[str, ...]:
    """Return a path with ``*`` for any position of a list."""
    return tuple("*" if isinstance(part, int) else part for part in path)


def preset(name: str, group: plugins.Group, path: Path, place: Place) -> Node:
    """Return what is registered under a name.

    Raises
    ------
    InputError
        If nothing is.
    ArchsimError
        If it makes no specification.
    """
    make = plugins.load(group, name, field=dotted(path), place=place)
    made = make()
    if not isinstance(made, (BaseModel, Mapping)):
        raise ArchsimError(f"'{name}' of {group} returned a {type(made).__name__}; a specification is needed")
    return from_python(made, Place(f"preset {name}"), path)


def merge(base: Node, over: Node, path: Path) -> Node:
    """Lay one tree over another: mappings deeply, everything else as a whole.

    A device or an algorithm of another kind replaces the one before as a whole, for its fields are others; an
    interconnect or a schedule of another kind keeps the fields that the new one has, too, and a constant that was given
    for the kind before is a placeholder on the new one. A constant whose value
    changes loses its source and its domain, a unit whose clock, width or latency changes the source of its times. An
    expectation is lowered to a bound that is laid over it.
    """
    if over.whole or not isinstance(base.value, dict) or not isinstance(over.value, dict):
        return over
    if (group_at(path) in _OF_KINDS or _general(path) in _ALTERNATIVES) and _kind(over) not in (None, _kind(base)):
        return over
    entries = _kept(base, _kind(over), _KINDS.get(_general(path)))
    for key, child in over.value.items():
        entries[key] = merge(entries[key], child, (*path, key)) if key in entries else child
    if base.value.keys() >= _CONSTANT and "value" in over.value:
        written = over.value["value"].place
        entries = {"source": Node("experiment document", written), "status": Node("user", written)} | {
            key: child for key, child in entries.items() if key == "value" or key in over.value
        }
    elif "timing" in base.value and _TIMED & over.value.keys() and "timing" not in over.value:
        written = next(over.value[key].place for key in over.value if key in _TIMED)
        origin = {"source": Node("experiment document", written), "status": Node("user", written)}
        entries["timing"] = replace(base.value["timing"], value=origin)
    for expectation, bound in _BOUNDED.items():
        if expectation in base.value and bound in over.value and expectation not in over.value:
            entries[expectation] = _at_most(entries[expectation], entries[bound])
    return replace(over, value=entries)


def named_kind(node: Node, path: Path) -> Node:
    """Return the section that the bare name of a kind stands for; anything else as it is."""
    if _general(path) not in _KINDS or not isinstance(node.value, str):
        return node
    return replace(node, value={_KIND: replace(node, key_place=None)}, whole=True)


def _kept(base: Node, kind: object, group: plugins.Group | None) -> dict[str, Node]:
    """Return what a section keeps where a kind is laid over it: the fields that the kind has."""
    if group is None or not isinstance(kind, str) or kind not in plugins.names(group):
        return dict(base.entries)
    known, before = settings_of(group, kind).model_fields, _kind(base)
    kept = {key: child for key, child in base.entries.items() if key in known}
    if before in (None, kind):
        return kept
    return {key: _of_another_kind(child, str(before)) for key, child in kept.items()}


def _of_another_kind(node: Node, kind: str) -> Node:
    """Return a section in which whatever has a source, other than the user's word, says for which kind it was given."""
    if not isinstance(node.value, dict):
        return node
    entries = {key: _of_another_kind(child, kind) for key, child in node.entries.items()}
    status = node.child("status")
    if status is not None and status.value in _SOURCED and "source" in entries:
        source = entries["source"]
        entries["source"] = replace(source, value=f"kept from {kind}: {source.value}")
        entries["status"] = replace(status, value="placeholder")
    return replace(node, value=entries)


def _at_most(expectation: Node, bound: Node) -> Node:
    """Return what is expected, or the bound where it is less."""
    expected, most = expectation.value, bound.value
    if isinstance(expected, (int, float)) and isinstance(most, (int, float)) and most < expected:
        return bound
    return expectation


def _kind(node: Node) -> object:
    kind = node.child(_KIND)
    return None if kind is None else kind.value
