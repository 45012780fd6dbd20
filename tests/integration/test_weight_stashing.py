"""The hypothetical schedule with copies of old weights: forward and backward meet the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import archsim
from archsim import DataSet, Run
from archsim.cli.app import app
from archsim.errors import InputError
from archsim.network.matrix import AnalogMatrix

from .experiments import chain, digits

SHORT = ("training.max_mini_batches=3", "schedule.stages=3", "schedule.micro_batches=4", "run.evaluate_every=3")


def discrepancy(kind: str, monkeypatch: pytest.MonkeyPatch, *overrides: str) -> tuple[float, Run]:
    """Return the largest difference between the weights that F and B of a micro-batch meet, and the run."""
    met: dict[tuple[int, int, int], Any] = {}
    largest = 0.0
    forward, backward = AnalogMatrix.forward_part, AnalogMatrix.backward_part

    def forward_part(self: AnalogMatrix, part: int, x: Any, first: int) -> Any:
        met[id(self), part, first] = self.arrays[part].weights.copy()
        return forward(self, part, x, first)

    def backward_part(self: AnalogMatrix, part: int, d: Any, first: int, weights: Any = None) -> Any:
        nonlocal largest
        seen = self.arrays[part].weights if weights is None else weights
        largest = max(largest, float(np.abs(seen - met[id(self), part, first]).max()))
        return backward(self, part, d, first, weights)

    with monkeypatch.context() as patch:
        patch.setattr(AnalogMatrix, "forward_part", forward_part)
        patch.setattr(AnalogMatrix, "backward_part", backward_part)
        run = digits(*SHORT, f"schedule.kind={kind}", *overrides)
    return largest, run


@pytest.mark.parametrize("algorithm", ["analog-sgd", "ttv2"])
def test_forward_and_backward_meet_the_same_weights(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ("chip=reram-1024", f"training.algorithm={algorithm}", "training.learning_rate=0.5")
    stashed, run = discrepancy("stash", monkeypatch, *overrides)
    plain, other = discrepancy("asynchronous", monkeypatch, *overrides)
    assert stashed == 0 < plain
    assert any((run.weights[name] != other.weights[name]).any() for name in run.weights)
    # Time is that of asynchronous: copies cost nothing, and the run says so.
    assert run.metrics["makespan_ps"] == other.metrics["makespan_ps"]
    assert run.metrics["staleness"] == other.metrics["staleness"]
    assert any("hypothetical" in text for text in run.warnings)
    assert not any("hypothetical" in text for text in other.warnings)


def test_weights_are_those_of_gradients_at_versions_that_were_there_together() -> None:
    """Two scalar layers: w1 of update k has the gradient at (w1[k - 1], w2 as the forward met it), w2 at w1[k - 1]."""
    updates, rate = 24, 0.05
    ones = np.ones((updates, 1), np.float32)
    data = DataSet("ones", ones, 0.25 * ones, ones[:1], 0.25 * ones[:1])
    layers = [
        {"name": f"layer{i}", "kind": "linear", "features": 1, "bias": False, "initial_value": 1.0} for i in (0, 1)
    ]
    document = chain(layers, training={"learning_rate": rate, "mini_batch": 1}, run={"mode": "numerics"})
    document["schedule"] |= {"kind": "stash"}
    run = archsim.simulate(document, data=data)
    first, second = [1.0], [1.0]
    for k in range(updates):
        met = first[max(k - 1, 0)]
        slope = 2 * (second[k] * met - 0.25)
        first.append(first[k] - rate * slope * second[k])
        second.append(second[k] - rate * slope * met)
    assert run.weights["layer0"].item() == pytest.approx(first[-1], rel=1e-5)
    assert run.weights["layer1"].item() == pytest.approx(second[-1], rel=1e-5)


@pytest.mark.parametrize(
    "network",
    [
        "[{name: a, kind: linear, features: 4, scaling: {learn_out_scaling: true}}, {name: n, kind: layer-norm},"
        " {name: r, kind: relu}, {name: b, kind: linear, features: 4}, {name: c, kind: linear, features: 2}]",
    ],
)
def test_one_stage_is_that_of_asynchronous(network: str) -> None:
    """Without updates between F and B there is nothing that copies could change."""
    layers = ("network={input_shape: [64], layers: " + network.replace("features: 2", "features: 10") + "}",)
    one, other = (digits(*SHORT, *layers, "schedule.stages=1", f"schedule.kind={k}") for k in ("stash", "asynchronous"))
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])
    late = digits(*SHORT, *layers, "schedule.kind=stash")
    assert any((late.weights[name] != weights).any() for name, weights in one.weights.items())


def test_the_command_says_that_it_is_hypothetical() -> None:
    told = CliRunner().invoke(app, ["schedule", "pipeline_unit", "--set", "schedule.kind=stash"]).stdout
    assert "hypothetical" in told


def test_hardware_aware_training_refuses_copies() -> None:
    with pytest.raises(InputError, match="keeps no copies") as refused:
        digits(*SHORT, "schedule.kind=stash", "training.algorithm={preset: hardware-aware}")
    assert refused.value.field == "schedule.kind"
