"""Where updates go, and what space of the buffer that takes: by hand, from the sizes of layers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

import archsim
from archsim.cli.app import app

#: A network of two stages: 6 x 5 weights and 5 biases, and 5 x 3 weights and 3 biases; a byte for each number.
FIRST, SECOND = (30, 5), (15, 3)
KEPT = {
    "analog-sgd": 0,
    "tiki-taka": 0,
    "residual-learning": 0,
    "digital-sgd": 0,
    "{kind: digital-sgd, momentum: 0.9}": 1,
    "mixed-precision": 1,
    "{kind: mixed-precision, momentum: 0.9}": 2,
    "tiki-taka-v2": 1,
    "{kind: buffered-transfer, n_devices: 3}": 2,
    "ttv2": 1,
    "c-ttv2": 1,
    "rlv2": 1,
    # Buffer, running mean and reference; where the last read alone is the mean, no running one.
    "{preset: agad, in_chop_prob: 0.1}": 3,
    "{preset: agad, tail_weightening: 100}": 2,
}


def memory(kind: str, *more: str, micro_batches: int = 4) -> list[Any]:
    document = {
        "network": {
            "input_shape": [6],
            "layers": [{"name": "a", "kind": "linear", "features": 5}, {"name": "b", "kind": "linear", "features": 3}],
        },
        "chip": "reram-1024",
        "data": {"samples": 32},
        "training": {"learning_rate": 0.1, "mini_batch": 8},
        "schedule": {"kind": kind, "stages": [["a"], ["b"]], "micro_batches": micro_batches},
        "run": {"mode": "timing"},
    }
    return list(archsim.prepare(document, list(more)).memory)


@pytest.mark.parametrize("algorithm", KEPT)
def test_what_algorithms_keep_in_digital_is_in_the_buffer(algorithm: str) -> None:
    found = memory("asynchronous", f"training.algorithm={algorithm}")
    assert [stage.accumulator_bytes for stage in found] == [KEPT[algorithm] * FIRST[0], KEPT[algorithm] * SECOND[0]]


@pytest.mark.parametrize(
    ("kind", "micro_batches", "more", "copies"),
    [
        ("asynchronous", 4, (), 0),
        ("asynchronous", 4, ("schedule.update=deferred",), 1),
        ("sequential", 4, (), 1),
        ("sequential", 1, (), 0),  # Its U follows B at once.
        ("synchronous", 4, ("schedule.update=immediate",), 0),
        ("zb-h1", 4, (), 1),
        ("zb-h1", 1, (), 0),
        ("zb-h1", 4, ("training.digital_optimizer={momentum: 0.9}",), 2),  # Gradient and velocity.
        ("asynchronous", 4, ("training.gradient_clipping={limit: 1}",), 1),
        ("inference", 4, (), 0),
    ],
)
def test_gradients_of_digital_parameters_that_wait_take_space(
    kind: str, micro_batches: int, more: tuple[str, ...], copies: int
) -> None:
    found = memory(kind, *more, micro_batches=micro_batches)
    assert [stage.accumulator_bytes for stage in found] == [copies * FIRST[1], copies * SECOND[1]]


def test_deferring_stores_inputs_and_errors_of_all_micro_batches() -> None:
    """For each of 2 samples: stage a keeps 6 inputs, 5 outputs, 5 errors and 5 gradients that come back."""
    for kind, count in (("asynchronous", 2), ("gpipe", 4), ("synchronous", 4), ("zb-h1", 2)):
        stage = memory(kind)[0]
        assert stage.micro_batches == count
        assert (stage.micro_batch_bytes, stage.error_bytes) == (2 * (6 + 5 + 5 + 5), 2 * (5 + 5))
        assert stage.demand_bytes == count * stage.micro_batch_bytes + stage.accumulator_bytes


def test_a_digital_matrix_has_a_second_copy_where_steps_wait() -> None:
    digital = "network.layers.a.placement=digital"
    assert [memory(kind, digital)[0].held_bytes for kind in ("asynchronous", "synchronous", "zb-h1")] == [30, 30, 60]


def test_a_buffer_that_lacks_a_byte_for_accumulators_is_refused() -> None:
    what = ("training.algorithm=mixed-precision",)
    least = max(stage.demand_bytes for stage in memory("zb-h1", *what))
    memory("zb-h1", *what, f"chip.buffer.capacity={least} B")
    with pytest.raises(archsim.DoesNotFit, match=r"accumulators of 35 B"):
        memory("zb-h1", *what, f"chip.buffer.capacity={least - 1} B")


def test_schedule_and_plan_tell_what_is_stored() -> None:
    chosen = ["mlp_digits", "--set", "schedule.kind=zb-h1", "--set", "schedule.micro_batches=5"]
    chosen += ["--set", "training.algorithm=mixed-precision"]
    told = CliRunner().invoke(app, ["schedule", *chosen]).stdout
    # 2 samples: 64 inputs, 64 outputs, those of an activation; 64 errors, 64 gradients. 64 x 64 weights, 64 biases.
    assert (
        "stage 0 stores at most 3 micro-batches, each with activations: 384 B, errors: 256 B; "
        "all the time accumulators: 4,160 B"
    ) in told
    assert "versions of the weights from F to B, at most: 3 2 1, of which a crossbar holds one" in told
    stage = json.loads(CliRunner().invoke(app, ["run", *chosen, "--dry-run", "--json"]).stdout)["stages"][0]
    assert (stage["activation_bytes"], stage["error_bytes"], stage["accumulator_bytes"]) == (384, 256, 4160)
    assert stage["weight_versions"] == 3
