"""Dropout in a run: the same elements are left out whatever the schedule, the clock, the threads, or a pause."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.simulation import Interrupted

from .test_convolutional_networks import assert_equal_numbers, images

LAYERS: list[dict[str, Any]] = [
    {"name": "flat", "kind": "flatten"},
    {"name": "wide", "kind": "linear", "features": 9},
    {"name": "act", "kind": "silu"},
    {"name": "drop", "kind": "dropout", "probability": 0.4},
    {"name": "next", "kind": "linear", "features": 6},
    {"name": "drop2", "kind": "dropout", "probability": 0.2},
    {"name": "out", "kind": "linear", "features": 3},
]


def trained(kind: str = "sequential", mode: str = "numerics", layers: Any = LAYERS, **more: Any) -> archsim.Run:
    """Train on noisy analog tiles, with updates that wait for the end of a mini-batch."""
    document = {
        "network": {"input_shape": [1, 3, 3], "layers": layers},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 6, "columns": 5}},
        "training": {"algorithm": "analog-sgd", "learning_rate": 1.0, "mini_batch": 4, "max_mini_batches": 6},
        "schedule": {"kind": kind, "stages": 3, "micro_batches": 2},
        "run": {"mode": mode, "seed": 2, "evaluate_every": 2, **more.pop("run", {})},
    }
    return archsim.simulate(document, data=images(16, 40, (1, 3, 3), 3), **more)


@pytest.fixture(scope="module")
def sequential() -> archsim.Run:
    return trained()


@pytest.mark.parametrize(
    ("kind", "mode", "threads"), [("synchronous", "coupled", 1), ("zb-h1", "coupled", 2), ("sequential", "coupled", 1)]
)
def test_every_exact_schedule_leaves_out_the_same(kind: str, mode: str, threads: int, sequential: archsim.Run) -> None:
    assert_equal_numbers(trained(kind, mode, run={"threads": threads}), sequential)


def test_it_acts_and_a_probability_of_zero_does_not(sequential: archsim.Run) -> None:
    def without(kind: str, **settings: Any) -> archsim.Run:
        return trained(
            layers=[
                {"name": layer["name"], "kind": kind} | settings if layer["kind"] == "dropout" else layer
                for layer in LAYERS
            ]
        )

    identity = without("identity")
    assert_equal_numbers(without("dropout", probability=0.0), identity)
    assert (identity.weights["wide"] != sequential.weights["wide"]).any()


def test_a_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    whole = trained("synchronous", "coupled")
    left = iter(range(150))
    with pytest.raises(Interrupted):
        trained("synchronous", "coupled", workspace=tmp_path / "run", interrupted=lambda: next(left, None) is None)
    assert_equal_numbers(trained("synchronous", "coupled", workspace=tmp_path / "run", resume=True), whole)


def test_only_training_pays_for_it() -> None:
    """24 samples, of which each takes a draw and a product for 9 + 6 numbers."""
    identity = [{"name": layer["name"], "kind": "identity"} if "drop" in layer["name"] else layer for layer in LAYERS]
    whole, plain = trained("synchronous", "timing"), trained("synchronous", "timing", layers=identity)
    for phase in ("F", "B"):
        assert operations(whole, phase) - operations(plain, phase) == 24 * 2 * (9 + 6)
    forward, without = trained("inference", "timing"), trained("inference", "timing", layers=identity)
    assert operations(forward, "F") == operations(without, "F") > 0


def operations(run: archsim.Run, phase: str) -> int:
    nmpu = run.cost[(run.cost.component == "nmpu") & (run.cost.phase == phase)]
    return int(nmpu["count"].sum())
