"""The validation library's complaints, rewritten for the person who wrote the document."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

from archsim import plugins
from archsim.analog.specification.momentum import WithMomentum
from archsim.document.allowed import Schema
from archsim.document.expand import INCLUDE, PRESET
from archsim.document.presets import group_at
from archsim.document.tree import Node, Path, dotted
from archsim.errors import InputError, InputErrors, Place, did_you_mean
from archsim.specification import settings_of

__all__ = ["explain", "together"]

_PROBLEMS = {
    "greater_than": "the number is too small",
    "greater_than_equal": "the number is too small",
    "less_than": "the number is too large",
    "less_than_equal": "the number is too large",
    "finite_number": "not a finite number",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "float_type": "not a number",
    "bool_type": "neither true nor false",
    "string_type": "not a text",
    "literal_error": "not one of the choices",
    "tuple_type": "not a list",
    "list_type": "not a list",
    "too_short": "the list is too short",
    "too_long": "the list is too long",
    "missing": "the list is too short",
    "model_type": "not a section of keys and values",
    "model_attributes_type": "not a section of keys and values",
    "dict_type": "not a section of keys and values",
    "union_tag_invalid": "there is no such kind",
    "union_tag_not_found": "the kind is missing",
    "string_pattern_mismatch": "not a valid name",
}
#: So many complaints are looked at, and so many mistakes told: who made thousands made one again and again.
_MOST_COMPLAINTS = 200
_MOST_TOLD = 20
#: What the library says of a list, too, when one of its entries is wrong.
_FOLLOWS = frozenset({"too_short"})
_KIND_OF_VALUE = frozenset(problem for problem in _PROBLEMS if problem.endswith("_type"))


def explain(error: ValidationError, tree: Node, model: type[BaseModel]) -> list[InputError]:
    """Return one error for each mistake, in the order in which the library found them.

    Parameters
    ----------
    error : ValidationError
        The library's complaints.
    tree : Node
        The document that was validated.
    model : type
        The specification that it was validated as.
    """
    schema = _schema(model)
    complaints: dict[Path, list[dict[str, Any]]] = {}
    for complaint in error.errors(include_url=False)[:_MOST_COMPLAINTS]:
        path = _real_path(complaint, tree)
        if not _follows_from_items(complaint, path, tree):
            complaints.setdefault(path, []).append(dict(complaint))
    meant = {(*path[:-1], _closest_key(path, tree, schema)) for path, group in complaints.items() if _is_unknown(group)}
    found = []
    for path, group in complaints.items():
        if path in meant and all(complaint["type"] == "missing" for complaint in group):
            continue  # It is missing because it is misspelt, which is told.
        deeper = any(other[: len(path)] == path and other != path for other in complaints)
        if deeper and all(complaint["type"] in _FOLLOWS for complaint in group):
            continue
        best = min(group, key=_weakness)
        if _weakness(best) < 2 or not deeper:
            found.append(_explain_one(best, len(group) > 1, path, tree, schema))
    return found


@functools.cache
def _schema(model: type[BaseModel]) -> Schema:
    return Schema(model)


def _weakness(complaint: dict[str, Any]) -> int:
    """Return how little a complaint tells: of an "either this or that", the wrong kind of value tells least."""
    return 2 if complaint["type"] in _KIND_OF_VALUE else 1 if complaint["type"] == "literal_error" else 0


def together(errors: Iterable[InputError]) -> InputError:
    """Return one error for all, or for the first of very many: file by file, in the order of lines, each once."""
    told = list({str(error): error for error in errors}.values())
    files = list(dict.fromkeys(error.place.file for error in told if error.place is not None))
    found = sorted(told, key=lambda error: _position(error.place, files))[: _MOST_TOLD + 1]
    if len(found) == 1:
        return found[0]
    return InputErrors(found[:_MOST_TOLD], there_are_more=len(found) > _MOST_TOLD)


def _position(place: Place | None, files: list[str]) -> tuple[bool, int, int, int]:
    if place is None or place.line is None:
        return (True, 0, 0, 0)
    return (False, files.index(place.file), place.line, place.column or 0)


def _real_path(complaint: Any, tree: Node) -> Path:
    """Return where in the document a complaint points: the library mixes names of alternatives into its paths."""
    path: list[str | int] = []
    node = tree
    for part in complaint["loc"]:
        child = node.child(part)
        if child is not None:
            path.append(part)
            node = child
    if complaint["type"] == "missing" and isinstance(complaint["loc"][-1], str):  # else a list is too short
        path.append(complaint["loc"][-1])
    if complaint["type"].startswith("union_tag"):
        path.append("kind")
    return tuple(path)


def _follows_from_items(complaint: Any, path: Path, tree: Node) -> bool:
    """Return whether a list is called too short only because the library left wrong items out of its count."""
    node, _ = _look_up(path, tree)
    if complaint["type"] != "too_short" or node is None or not isinstance(node.value, tuple):
        return False
    return len(node.value) >= int(complaint["ctx"]["min_length"])


def _explain_one(complaint: dict[str, Any], several: bool, path: Path, tree: Node, schema: Schema) -> InputError:
    node, parent = _look_up(path, tree)
    kind = complaint["type"]
    if kind == "extra_forbidden":
        return _unknown_key(path, tree, schema)
    if kind == "missing" and isinstance(complaint["loc"][-1], str):
        return InputError(
            f"'{path[-1]}' is missing",
            field=dotted(path),
            allowed=schema.describe(path, tree),
            remedy=f"add '{path[-1]}: ...'" + (f" under '{dotted(path[:-1])}'" if path[:-1] else ""),
            place=parent.place,
        )
    context = complaint.get("ctx", {})
    remedy: str | None = context.get("remedy")
    field = dotted(path)
    place: Place | None = (node or parent).place
    allowed = schema.describe(path, tree)
    problem = _PROBLEMS.get(kind, complaint["msg"])
    value = node.plain() if node is not None else None
    if "field" in context:
        field = context["field"]
        node, parent = _look_up(tuple(int(part) if part.isdecimal() else part for part in field.split(".")), tree)
        place, value = (node or parent).place, node.plain() if node is not None else None
        allowed = context.get("allowed")
    elif remedy is not None:
        place, allowed = _blamed(node or parent), context.get("allowed")
        value = None if isinstance(value, dict) else value
    elif kind == "value_error":
        problem = str(context["error"])
        if isinstance(value, dict):
            named = _named_in(problem, path, tree, schema)
            place, value, allowed = _blamed(node or parent, named), _of(node or parent, named), None
            remedy = f"change {' or '.join(named)}" if named else "change one of the keys of this section"
        elif " as '" in problem:
            allowed = None  # The problem says it already.
    elif kind in _KIND_OF_VALUE and several:
        problem = "not what can stand here"
    choices = schema.choices(path, tree)
    if "kinds" in context:
        allowed, choices = context["kinds"], tuple(context["kinds"].split(", "))
    close = did_you_mean(value, choices) if isinstance(value, str) else None
    return InputError(
        problem,
        field=field or None,
        value=value,
        allowed=allowed,
        remedy=f"did you mean '{close}'?" if close else remedy,
        place=place,
    )


def _named_in(problem: str, path: Path, tree: Node, schema: Schema) -> list[str]:
    """Return the keys of a section that a sentence about it names, in the sentence's order."""
    keys = set(schema.keys(path, tree))
    return list(dict.fromkeys(word for word in re.findall(r"\w+", problem) if word in keys))


def _of(section: Node, keys: list[str]) -> dict[str, Any] | None:
    return {key: section.entries[key].plain() for key in keys if key in section.entries} or None


#: Keys by the names that they had before, each with the section that it stands in.
_RENAMED: dict[Path, str] = {
    ("interconnect", "topology"): "kind",
    ("training", "learning_rate_step"): "learning_rate_schedule",
}
#: A key that means something else in some kinds: the settings of those where it is what its name says, and where else
#: that stands.
_MEANT: dict[Path, tuple[plugins.Group, type[BaseModel], str]] = {
    ("algorithm", "momentum"): (
        "archsim.algorithm_kinds",
        WithMomentum,
        "set training.digital_optimizer.momentum for what digital units hold",
    )
}
#: What a key is called in other programs, for users who come from there.
_ELSEWHERE = {
    "batch_size": "mini_batch",
    "lr": "learning_rate",
    "optimizer": "algorithm",
    "num_epochs": "epochs",
    "resolution": "bits",
    "precision": "bits",
    "size": "capacity",
    "model": "network",
    "dataset": "data",
}


def _is_unknown(group: list[dict[str, Any]]) -> bool:
    return any(complaint["type"] == "extra_forbidden" for complaint in group)


def _closest_key(path: Path, tree: Node, schema: Schema) -> str | None:
    references = (INCLUDE, PRESET) if group_at(path[:-1]) else (INCLUDE,)
    keys = schema.keys(path[:-1], tree)
    elsewhere = _ELSEWHERE.get(str(path[-1]))
    return elsewhere if elsewhere in keys else did_you_mean(str(path[-1]), (*keys, *references))


def _unknown_key(path: Path, tree: Node, schema: Schema) -> InputError:
    node, parent = _look_up(path, tree)
    close = _closest_key(path, tree, schema)
    renamed = _RENAMED.get(path[-2:])
    kinds = schema.kinds_with(path, tree)
    remedy = f"it is called '{renamed}' now" if renamed else f"did you mean '{close}'?" if close else "remove it"
    if path[-2:] in _MEANT:
        group, settings, beside = _MEANT[path[-2:]]
        kinds = tuple(kind for kind in kinds if issubclass(settings_of(group, kind), settings))
        remedy = f"{remedy}, {beside}"
    return InputError(
        f"unknown key '{path[-1]}'",
        field=dotted(path),
        allowed=", ".join(schema.keys(path[:-1], tree)),
        remedy=f"{remedy}, or take a kind that has it: {', '.join(kinds)}" if kinds else remedy,
        place=(node.key_place if node is not None else None) or parent.place,
    )


def _blamed(section: Node, keys: Iterable[str] = ()) -> Place:
    """Return what is to blame for a section that contradicts itself.

    That is the one override that reached into it, or the last of some keys in it that its author wrote, or itself.
    """
    overrides = {node.place for node in _within(section) if node.place.file.startswith("--")}
    if len(overrides) == 1:
        return overrides.pop()
    written = [section.entries[key].key_place for key in keys if key in section.entries]
    own = [place for place in written if place is not None and place.file == section.place.file]
    return max(own, key=lambda place: (place.line or 0, place.column or 0), default=section.place)


def _within(node: Node) -> Iterator[Node]:
    yield node
    for child in node.value.values() if isinstance(node.value, dict) else ():
        yield from _within(child)
    for child in node.value if isinstance(node.value, tuple) else ():
        yield from _within(child)


def _look_up(path: Path, tree: Node) -> tuple[Node | None, Node]:
    """Return what stands at a path, if anything does, and the innermost thing around it."""
    parent, node = tree, tree
    for part in path:
        parent = node
        child = node.child(part)
        if child is None:
            return None, parent
        node = child
    return node, parent
