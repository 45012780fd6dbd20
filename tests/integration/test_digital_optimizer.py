"""Momentum, weight decay and clipping of all that digital units hold: against plain NumPy, schedules, resume, costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from tests.integration.test_digital_parameters import IMAGES, data, document
from tests.sensitivity.bases import base, small_data

ALL = {"momentum": 0.8, "weight_decay": 0.05}
RATE = 0.3


def optimised(kind: str, mode: str = "coupled", **schedule: Any) -> dict[str, Any]:
    what = document(IMAGES, kind, run={"seed": 3, "evaluate_every": 2, "mode": mode})
    what["training"] |= {"digital_optimizer": ALL, "gradient_clipping": {"limit": 0.2}, "learning_rate": 0.2}
    what["schedule"] |= schedule
    return what


def test_one_layer_is_trained_as_in_plain_numpy() -> None:
    """A matrix by digital SGD, a bias by the digital unit: both with momentum and decay, in four mini-batches."""
    found = small_data()
    inputs, targets = found.train_inputs[:8], found.train_targets[:8]
    eight = DataSet("eight", inputs, targets, found.test_inputs, found.test_targets, 4)
    network = {"input_shape": [6], "layers": [{"name": "out", "kind": "linear", "features": 4}]}
    algorithm = {"preset": "digital-sgd", **ALL}
    training = {"algorithm": algorithm, "digital_optimizer": ALL, "learning_rate": RATE, "mini_batch": 8, "epochs": 4}
    what = base(training=training | {"max_mini_batches": None}, schedule={"kind": "sequential", "stages": 1})
    what |= {"network": network, "data": {"samples": 8}}
    run, start = (
        archsim.simulate(what, overrides, mode="numerics", data=eight).weights
        for overrides in ([], ["training.learning_rate=1e-30"])
    )
    w, b = start["out"].astype(float), start["out.bias"].astype(float)
    vw, vb, x = np.zeros_like(w), np.zeros_like(b), inputs.astype(float)
    for _ in range(4):
        logits = x @ w.T + b
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        d = (p / p.sum(axis=1, keepdims=True) - np.eye(4)[targets]) / len(x)
        vw = ALL["momentum"] * vw + d.T @ x + ALL["weight_decay"] * w
        vb = ALL["momentum"] * vb + d.sum(axis=0) + ALL["weight_decay"] * b
        w, b = w - RATE * vw, b - RATE * vb
    np.testing.assert_allclose(run["out.bias"], b, atol=1e-6)
    np.testing.assert_allclose(run["out"], w, atol=1e-6)


def test_exact_schedules_agree_to_the_last_bit() -> None:
    first = archsim.simulate(optimised("sequential"), data=data((2, 5, 5))).weights
    plain = archsim.simulate(document(IMAGES, "sequential"), data=data((2, 5, 5))).weights
    others = (
        optimised("synchronous"),
        optimised("gpipe", mode="numerics"),
        optimised("synchronous", overlap="layers"),
    )
    for other in others:
        found = archsim.simulate(other, data=data((2, 5, 5))).weights
        for name, array in first.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert not np.array_equal(first["norm.weight"], plain["norm.weight"])


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
def test_a_run_that_is_taken_up_again_has_the_same_numbers(kind: str, tmp_path: Path) -> None:
    what = archsim.load_experiment(optimised(kind))
    left = [150, 333, 10**9]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    while True:
        try:
            run = archsim.simulation.simulate(
                what, data=data((2, 5, 5)), workspace=tmp_path, resume=True, interrupted=interrupted
            )
            break
        except archsim.simulation.Interrupted:
            left.pop(0)
    assert len(left) == 1
    for name, array in archsim.simulate(what, data=data((2, 5, 5))).weights.items():
        np.testing.assert_array_equal(run.weights[name], array, err_msg=name)


def test_steps_are_counted_once_a_mini_batch() -> None:
    """Multiply-adds for each number of 'norm2': 1 for a step, 1 each for momentum and decay, 2 for clipping by norm."""
    for mode in ("timing", "coupled"):
        found = []
        for what in (document(IMAGES, "synchronous"), optimised("synchronous")):
            what["run"]["mode"] = mode
            cost = archsim.simulate(what, data=data((2, 5, 5))).cost
            found.append(int(cost.query("component == 'nmpu' and phase == 'U' and layer == 'norm2'")["count"].sum()))
        assert found[1] - found[0] == 5 * (2 * 4) * 5
