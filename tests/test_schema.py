"""The exported JSON schema: it holds for what can be loaded, and refuses what cannot."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from archsim import plugins
from archsim.document import load_experiment, load_preset, resolved, schema

WORKLOADS = sorted((Path(__file__).parents[1] / "workloads").glob("*.yaml"))
KNOWN = {"$schema", "$ref", "$defs", "title", "description", "default", "examples", "x-unit", "x-source", "x-required"}
TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


def resolve(reference: str, root: dict[str, Any]) -> Any:
    part: Any = root
    for step in reference.removeprefix("#/").split("/"):
        part = part[step]
    return part


def valid(value: Any, part: dict[str, Any], root: dict[str, Any]) -> bool:
    """Validate by the few keywords that the schema uses; an unknown one fails the test."""
    checks = {
        "type": lambda kind: TYPES[kind](value),
        "const": lambda constant: type(value) is type(constant) and value == constant,
        "enum": lambda choices: value in choices,
        "minimum": lambda bound: value >= bound,
        "maximum": lambda bound: value <= bound,
        "exclusiveMinimum": lambda bound: value > bound,
        "exclusiveMaximum": lambda bound: value < bound,
        "minItems": lambda least: len(value) >= least,
        "maxItems": lambda most: len(value) <= most,
        "pattern": lambda _: True,
        "anyOf": lambda branches: any(valid(value, branch, root) for branch in branches),
        "items": lambda item: all(valid(one, item, root) for one in value),
        "properties": lambda known: all(valid(value[key], known[key], root) for key in value.keys() & known.keys()),
        "additionalProperties": lambda allowed: allowed or value.keys() <= part["properties"].keys(),
    }
    if "$ref" in part and not valid(value, resolve(part["$ref"], root), root):
        return False
    order = sorted(part.keys() - KNOWN, key=lambda key: key != "type")
    return all(checks[key](part[key]) for key in order)


@pytest.fixture(scope="module")
def root() -> dict[str, Any]:
    # As the command prints it.
    made: dict[str, Any] = json.loads(json.dumps(schema(), allow_nan=False))
    return made


def yaml(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("path", WORKLOADS, ids=lambda path: path.stem)
def test_it_holds_for_workloads_as_written_and_as_resolved(path: Path, root: dict[str, Any]) -> None:
    assert valid(yaml(path.read_text()), root, root)
    assert valid(yaml(resolved(load_experiment(path))), root, root)


@pytest.mark.parametrize("chip", plugins.names("archsim.chips"))
def test_it_holds_for_every_chip(chip: str, root: dict[str, Any]) -> None:
    assert valid(load_preset("archsim.chips", chip).model_dump(mode="json"), root["$defs"]["Chip"], root)


@pytest.mark.parametrize(
    "text",
    [
        "network: other.yaml",
        "include: [a.yaml, b.yaml]\ntraining: {include: c.yaml}",
        "chip: {preset: unit, tile: {rows: 5}, device: {preset: ecram, dw_min: 0.1}}",
        "chip: {device: {kind: one-sided, device: {preset: reram-es, dw_min: 0.1}, refresh_every: 3}}",
        "chip: {device: {kind: one-sided, device: reram-es}}",
        "chip: {device: {kind: vector, devices: [ecram, {kind: soft-bounds}, {preset: idealized, w_max: 2}]}}",
        "chip: {device: {kind: piecewise-step, piecewise_up: [1, 0.5], piecewise_down: [0.5, 1]}}",
        "chip: {nmpu: {multiply_add: {value: 0, source: x, status: derived}, area: 0}}",
        "data:\nrun:\nschedule: {stages: [[a], [b, c]]}",
        "run: {checkpoint_every: 5}",
    ],
)
def test_it_holds_for_what_people_write(text: str, root: dict[str, Any]) -> None:
    assert valid(yaml(text), root, root)


@pytest.mark.parametrize(
    "text",
    [
        "trainning: {}",
        "training: {learning_rate: 0}",
        "training: {learning_rate: fast}",
        "training: {mini_batch: 2.5}",
        "chip: {tile: {rows: 0}}",
        "chip: {tile: {integration_time: 130}}",
        "chip: {device: {kind: idael}}",
        "chip: {device: {kind: vector, devices: [{kind: vector}]}}",
        "chip: {device: {kind: vector, devices: []}}",
        "chip: {device: {kind: piecewise-step, piecewise_up: [-1]}}",
        "chip: {adc: {bits: 17}}",
        "run: {mode: fast}",
        "run: {timeline: 1}",
        "schedule: {stages: []}",
        "include: 3",
        "[]",
    ],
)
def test_it_refuses_what_is_wrong(text: str, root: dict[str, Any]) -> None:
    assert not valid(yaml(text), root, root)


def test_every_key_says_what_it_means_and_every_number_its_unit(root: dict[str, Any]) -> None:
    def numeric(part: dict[str, Any]) -> bool:
        branches = [part, *part.get("anyOf", []), part.get("items", {})]
        return any(branch.get("type") in ("integer", "number") for branch in branches)

    for part in (root, *root["$defs"].values()):
        for name, said in part["properties"].items():
            assert said["description"], name
            if name not in ("include", "preset"):
                assert ("default" in said) != ("x-required" in said), name
            assert not numeric(said) or said["x-unit"], name
    rate = root["$defs"]["TrainingSpecification"]["properties"]["learning_rate"]
    assert rate["exclusiveMinimum"] == 0
    assert math.isclose(root["$defs"]["SoftBounds"]["properties"]["dw_min"]["default"], 0.001)
    assert "time" in root["$defs"]["Tile"]["properties"]["pulse_time"]["anyOf"][1]["$ref"].lower()
