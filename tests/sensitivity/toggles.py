"""Other values of a key, taken from its schema, and a digest of everything that a run gives."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from archsim.experiment import Experiment
from archsim.results import Run
from archsim.results.record import observations_to_json
from archsim.specification import Constant

Path = tuple[str | int, ...]
Key = tuple[str, str]
_Part = dict[str, Any]


def models_of(model: BaseModel, path: Path = ()) -> Iterator[tuple[BaseModel, Path]]:
    """Yield the specifications of an experiment with their places; a constant is one value."""
    yield model, path
    for name in type(model).model_fields:
        value = getattr(model, name)
        for item, place in (
            [(value, (*path, name))]
            if not isinstance(value, tuple)
            else [(item, (*path, name, i)) for i, item in enumerate(value)]
        ):
            if isinstance(item, BaseModel) and not isinstance(item, Constant):
                yield from models_of(item, place)


def toggled(experiment: Experiment, path: Path, model: BaseModel, field: str) -> Iterator[Experiment]:
    """Yield the experiment with other values of one field, those that are accepted."""
    part = _schema(type(model))
    value = model.model_dump(mode="json")[field]
    seen = {json.dumps(value)}
    for other in _others(value, part["properties"][field], part.get("$defs", {})):
        if (text := json.dumps(other)) in seen:
            continue
        seen.add(text)
        written = experiment.model_dump(mode="json")
        section: Any = written
        for step in path:
            section = section[step]
        section[field] = other
        try:
            yield Experiment.model_validate_json(json.dumps(written), strict=True)
        except ValueError:
            continue


@functools.cache
def _schema(model: type[BaseModel]) -> _Part:
    return model.model_json_schema()


def _others(value: Any, part: _Part, definitions: _Part) -> Iterator[Any]:
    alternatives = list(_alternatives(part, definitions))
    if any(branch.get("type") == "null" for branch in alternatives) and value is not None:
        yield None
    for branch in alternatives:
        yield from _of_branch(value, branch)


def _of_branch(value: Any, branch: _Part) -> Iterator[Any]:
    if "enum" in branch:
        yield from branch["enum"]
    elif branch.get("type") == "boolean":
        yield from (not value, True, False)
    elif branch.get("type") == "integer":
        number = value if isinstance(value, int) else 1
        yield from (number + 1, number - 1, 2 * number, number // 2, 3, 4, 10, 1, 2, 0)
    elif branch.get("type") == "number":
        number = value if isinstance(value, (int, float)) else 0.1
        yield from (1.7 * number, 0.5 * number, number + 0.25, -number, 0.02, 0.3, 0.0, 1.0, 5.0, 40.0)
    elif branch.get("type") == "string" and "examples" in branch:
        yield from (_doubled(value), branch["examples"][0])
    elif branch.get("type") == "array":
        yield from _lists(value)
    elif branch.get("type") == "object":
        properties = branch.get("properties", {})
        if {"value", "source", "status"} <= properties.keys():
            old = value["value"] if isinstance(value, dict) else None
            examples = properties["value"].get("examples", ["1"])
            yield from ({"value": _doubled(old)}, {"value": examples[0]})
        elif "kind" in properties:
            yield {"kind": properties["kind"].get("const", properties["kind"].get("default"))}
        elif value is None:
            yield {}


def _lists(value: Any) -> Iterator[Any]:
    items = value if isinstance(value, list) else []
    if items and all(isinstance(item, str) for item in items):
        yield items[::-1]
    if items and all(isinstance(item, (int, float)) for item in items):
        yield [1.5 * item + 0.1 for item in items]
        yield [item + 1 for item in items]
        yield [0.5 * item for item in items]
    yield from ([], [0.3, 0.7], [0.5], [1.0, 2.0], [1], [2, 3])


def _doubled(quantity: Any) -> Any:
    found = re.fullmatch(r"([\d.e+-]+)(/\d+)? (.*)", quantity) if isinstance(quantity, str) else None
    if found is None or float(found[1]) == 0:
        return quantity
    number = int(found[1]) * 2 if found[1].isdecimal() else float(found[1]) * 2
    return f"{number}{found[2] or ''} {found[3]}"


def _alternatives(part: _Part, definitions: _Part) -> Iterator[_Part]:
    if "$ref" in part:
        yield from _alternatives(definitions[part["$ref"].rsplit("/", 1)[1]], definitions)
    elif branches := part.get("anyOf") or part.get("oneOf"):
        for branch in branches:
            yield from _alternatives(branch, definitions)
    else:
        yield part


def digest(run: Run) -> str:
    """Return a digest of what a run gives: numbers, weights, tables and timeline, without where and when it ran."""
    seen = hashlib.sha256()
    seen.update(repr(sorted(run.metrics.items())).encode())
    for name, array in sorted(run.weights.items()):
        seen.update(name.encode() + array.tobytes())
    for table in (run.learning, run.cost, run.inference):
        seen.update(table.to_csv(index=False).encode())
    seen.update(json.dumps(observations_to_json(run.observations), sort_keys=True).encode())
    seen.update(repr(run.slices.count).encode())
    seen.update(repr(run.warnings).encode())
    return seen.hexdigest()
