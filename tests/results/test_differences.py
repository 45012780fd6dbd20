"""The keys in which experiments differ."""

from __future__ import annotations

import pickle
from typing import Any

import archsim
from archsim.results import ABSENT, differing_keys


def constant(value: str, source: str = "a book") -> dict[str, Any]:
    return {"value": value, "source": source, "status": "published"}


def test_every_key_that_differs_is_named_once_with_all_values() -> None:
    one = {"name": "a", "run": {"seed": 1, "threads": 2}, "sizes": [1, 2], "same": [{"x": None}]}
    two = {"name": "a", "run": {"seed": 2, "threads": 2}, "sizes": [1, 2, 3], "same": [{"x": None}]}
    three = {"name": "a", "run": {"seed": 1, "mode": "timing"}, "sizes": [1, 2], "same": [{"x": None}]}
    assert differing_keys(one, two, three) == {
        "run.seed": (1, 2, 1),
        "run.threads": (2, 2, ABSENT),
        "run.mode": (ABSENT, ABSENT, "timing"),
        "sizes": ([1, 2], [1, 2, 3], [1, 2]),
    }
    assert differing_keys(one, one) == {}


def test_a_section_that_is_missing_or_of_another_kind_is_told_key_by_key() -> None:
    assert differing_keys({"device": {"kind": "ideal"}}, {"device": {"kind": "soft-bounds", "dw_min": 0.1}}) == {
        "device.kind": ("ideal", "soft-bounds"),
        "device.dw_min": (ABSENT, 0.1),
    }
    assert differing_keys({"buffer": None}, {"buffer": {"bits": 8}}) == {"buffer": (None, {"bits": 8})}
    assert differing_keys({"layers": [{"a": 1}]}, {"layers": [{"a": 1}, {"a": 2}]}) == {"layers.1.a": (ABSENT, 2)}


def test_a_constant_is_one_key() -> None:
    assert differing_keys({"t": constant("1 ns")}, {"t": constant("2 ns", "me")}) == {"t": ("1 ns", "2 ns")}
    assert differing_keys({"t": constant("1 ns")}, {"t": constant("1 ns", "me")}) == {"t.source": ("a book", "me")}


def test_true_and_one_are_not_the_same_and_one_and_one_point_zero_are() -> None:
    assert differing_keys({"x": True, "y": 1}, {"x": 1, "y": 1.0}) == {"x": (True, 1)}


def test_overrides_come_back_from_experiments_and_runs() -> None:
    settings = ["training.max_mini_batches=2"]
    base = archsim.load_experiment("pipeline_unit", settings)
    others = ["schedule.stages=8", "chip.stage_engine.forward=2 ns"]
    changed = archsim.load_experiment("pipeline_unit", [*settings, *others])
    found = {"chip.stage_engine.forward": ("1 ns", "2 ns"), "schedule.stages": (4, 8)}
    assert archsim.differing_keys(base, changed) == found
    assert archsim.differing_keys(archsim.simulate(base), archsim.simulate(changed)) == found


def test_what_is_absent_stays_so_in_another_process() -> None:
    assert pickle.loads(pickle.dumps(ABSENT)) is ABSENT
