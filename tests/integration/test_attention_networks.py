"""Networks with attention: whatever the schedule, the chunks and the clock, the same numbers; and when it works."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import archsim
from archsim import DataSet
from archsim.cli.app import app
from archsim.engine.steps import DigitalStep

PROJECTIONS = [{"name": name, "kind": "linear", "features": 6, "inputs": ["embed"]} for name in ("q", "k", "v")]
LAYERS: list[dict[str, Any]] = [
    {"name": "embed", "kind": "linear", "features": 6},
    *PROJECTIONS,
    {"name": "attend", "kind": "attention", "heads": 2, "causal": True, "inputs": ["q", "k", "v"]},
    {"name": "project", "kind": "linear", "features": 6},
    {"name": "sum", "kind": "add", "inputs": ["project", "embed"]},
    {"name": "out", "kind": "linear", "features": 3},
]
STAGES = [["embed", "q", "k"], ["v", "attend", "project"], ["out"]]


def document(kind: str, mode: str, **schedule: Any) -> dict[str, Any]:
    return {
        "network": {"input_shape": [4, 5], "layers": LAYERS},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 4, "columns": 4}},
        "data": {"samples": 16},
        "training": {"algorithm": "analog-sgd", "learning_rate": 0.5, "mini_batch": 4, "max_mini_batches": 3},
        "schedule": {"kind": kind, "stages": STAGES, "micro_batches": 2} | schedule,
        "run": {"mode": mode, "seed": 2},
    }


def trained(kind: str, mode: str, **schedule: Any) -> archsim.Run:
    draw = np.random.default_rng(5)
    inputs = draw.random((24, 4, 5), dtype=np.float32)
    targets = draw.integers(0, 3, (24, 4))
    data = DataSet("sequences", inputs[:16], targets[:16], inputs[16:], targets[16:], 3)
    return archsim.simulate(document(kind, mode, **schedule), data=data)


@pytest.fixture(scope="module")
def sequential() -> archsim.Run:
    return trained("sequential", "numerics")


@pytest.mark.parametrize(
    ("kind", "schedule"),
    [("sequential", {}), ("synchronous", {}), ("synchronous", {"overlap": "layers", "chunk_vectors": 3})],
)
def test_numbers_are_those_of_one_sample_after_the_other(
    kind: str, schedule: dict[str, Any], sequential: archsim.Run
) -> None:
    run = trained(kind, "coupled", **schedule)
    for name, array in sequential.weights.items():
        np.testing.assert_array_equal(run.weights[name], array, err_msg=name)
    assert run.metrics["accuracy"] == sequential.metrics["accuracy"]


def test_it_is_a_job_of_its_own_in_chunks_of_whole_samples() -> None:
    """Also where one layer gives queries, keys and values, and nobody else reads them."""
    layers = [
        {"name": "x", "kind": "linear", "features": 6},
        {"name": "attend", "kind": "attention", "inputs": ["x"] * 3},
        {"name": "act", "kind": "tanh"},
        {"name": "out", "kind": "linear", "features": 3},
    ]
    network = {"network": {"input_shape": [4, 5], "layers": layers}}
    (program,) = archsim.prepare(document("sequential", "timing", stages=1) | network).setup.programs
    for symbol in ("F", "B"):
        jobs = [step for step in program.actions[symbol].steps if isinstance(step, DigitalStep)]
        (own,) = [step for step in jobs if "attend" in step.nodes]
        assert (own.nodes, own.collect, own.prepare, own.vectors) == (("attend",), None, None, 1)
        assert len(jobs) > 1


def test_the_plan_tells_what_the_digital_unit_computes(tmp_path: Path) -> None:
    file = tmp_path / "network.yaml"
    file.write_text(json.dumps(document("sequential", "timing")))
    result = CliRunner().invoke(app, ["run", str(file), "--dry-run"])
    # 10 pairs of 6 features, twice; 4 queries are scaled; 2 heads with 10 pairs in 4 rows.
    told = "attend (attention): on the digital unit, 208 multiply-adds and 20 look-ups a sample, 472 and 20 for"
    assert told in result.output
    assert "when the whole sample is there" in result.output
    listed = CliRunner().invoke(app, ["schedule", str(file)]).output
    assert told in listed
    record = json.loads(CliRunner().invoke(app, ["run", str(file), "--dry-run", "--json"]).output)
    work = {"multiply_adds": 208, "look_ups": 20, "gradient_multiply_adds": 472, "gradient_look_ups": 20}
    assert record["barriers"] == [{"layer": "attend", "kind": "attention", "waits_for": "sample", "digital_unit": work}]
