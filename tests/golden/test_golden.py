"""Golden results: numbers that a person can read, and that change only on purpose.

After a change that is meant to change them, look at the difference and write them anew::

    ARCHSIM_WRITE_GOLDEN=1 pytest tests/golden
    git diff tests/golden
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import archsim

HERE = Path(__file__).resolve().parent
WORKLOADS = HERE.parents[1] / "workloads"
SHORT = ("training.max_mini_batches=30", "run.evaluate_every=15", "data.test_samples=180")
#: Three layers a stage, each cut over several tiles: in an update one layer follows the other.
DEEP = (
    *SHORT,
    "network={input_shape: [64], layers: ["
    "{name: a, kind: linear, features: 48}, {name: a2, kind: tanh}, {name: b, kind: linear, features: 40}, "
    "{name: b2, kind: relu}, {name: c, kind: linear, features: 36}, {name: c2, kind: tanh}, "
    "{name: d, kind: linear, features: 32}, {name: d2, kind: tanh}, {name: e, kind: linear, features: 30}, "
    "{name: e2, kind: relu}, {name: f, kind: linear, features: 10}]}",
    "schedule.stages=[[a, b, c], [d, e, f]]",
    "chip.tile.rows=24",
    "chip.tile.columns=24",
    "chip.node_tiles=6",
    "schedule.micro_batches=2",
)
CASES: dict[str, tuple[str, tuple[str, ...]]] = {
    "digits on reram-1024, asynchronous": ("mlp_digits", SHORT),
    "digits on reram-1024, synchronous": (
        "mlp_digits",
        (*SHORT, "schedule.kind=synchronous", "schedule.micro_batches=5"),
    ),
    # Pulse trains, and so the times of this chip, follow the data: in a timing run they are exact.
    "digits on rpu-512, timing only": ("mlp_digits", (*SHORT, "chip=rpu-512", "run.mode=timing")),
    "digits on a grid of 24 x 24 tiles": ("mlp_digits", (*SHORT, "chip.tile.rows=24", "chip.tile.columns=24")),
    "three layers a stage, asynchronous": ("mlp_digits", DEEP),
    "three layers a stage, synchronous, timing only": (
        "mlp_digits",
        (*DEEP, "schedule.kind=synchronous", "run.mode=timing"),
    ),
    "three layers a stage with transfers": (
        "mlp_digits",
        (*DEEP, "chip=rpu-512", "chip.tile.rows=24", "chip.tile.columns=24", "training.algorithm=ttv2"),
    ),
    "16 stages of the unit chip": (
        "pipeline_unit",
        ("schedule.stages=16", "schedule.micro_batches=8", "training.max_mini_batches=4"),
    ),
}
#: Whole numbers are exact; energies are sums of floating-point products; learning goes through the
#: platform's exponential function, whose last bit differs.
RELATIVE = {"energy_pj": 1e-9, "leakage_pj": 1e-9, "loss": 1e-3, "accuracy": 0.05, "bubble_fraction": 1e-9}
EXACT = ("makespan_ps", "samples", "events", "bytes_sent", "in_flight_max", "staleness")


def observed(case: str) -> dict[str, Any]:
    """Return the metrics of a case that are held."""
    workload, overrides = CASES[case]
    run = archsim.simulate(archsim.load_experiment(WORKLOADS / f"{workload}.yaml", overrides))
    return {name: run.metrics[name] for name in (*EXACT, *RELATIVE)}


@pytest.mark.parametrize("case", list(CASES))
def test_golden(case: str) -> None:
    path = HERE / "metrics.yaml"
    yaml = YAML()
    golden = yaml.load(path) or {}
    seen = observed(case)
    if os.environ.get("ARCHSIM_WRITE_GOLDEN"):
        golden[case] = seen
        yaml.dump(golden, path)
    expected = golden[case]
    for name in EXACT:
        assert seen[name] == expected[name], name
    for name, tolerance in RELATIVE.items():
        assert seen[name] == (None if expected[name] is None else pytest.approx(expected[name], rel=tolerance)), name
