"""Clipping against a descent in plain NumPy, its invariance under schedules, and what it costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim.digital.arithmetic import FLOAT32
from archsim.digital.clipping import clipped
from archsim.digital.specification import GradientClipping
from tests.sensitivity.bases import base, small_data

RATE, MINI_BATCH, LIMIT = 0.5, 4, 0.3


def weights_of(by: str | None, kind: str = "sequential", **more: Any) -> dict[str, np.ndarray]:
    clipping = None if by is None else {"by": by, "limit": LIMIT}
    training = {"algorithm": "digital-sgd", "gradient_clipping": clipping, "learning_rate": RATE}
    stages = 1 if kind == "sequential" else 2
    schedule = {"kind": kind, "stages": stages, "micro_batches": 2}
    found: dict[str, np.ndarray] = archsim.simulate(
        base(training=training, schedule=schedule) | more, mode="numerics", data=small_data()
    ).weights
    return found


@pytest.mark.parametrize("by", ["norm", "value"])
def test_one_layer_descends_as_in_plain_numpy(by: str) -> None:
    layers = [{"name": "out", "kind": "linear", "features": 4, "bias": False}]
    network = {"network": {"input_shape": [6], "layers": layers}}
    data = small_data()
    one = {"data": {"samples": 4}}
    data = archsim.DataSet(
        "four", data.train_inputs[:4], data.train_targets[:4], data.test_inputs, data.test_targets, 4
    )
    training = {"algorithm": "digital-sgd", "gradient_clipping": {"by": by, "limit": LIMIT}, "learning_rate": RATE}
    training |= {"mini_batch": 4, "epochs": 1, "max_mini_batches": None}
    document = base(training=training, schedule={"kind": "sequential", "stages": 1}) | network | one
    found = archsim.simulate(document, mode="numerics", data=data).weights["out"]
    start = archsim.simulate(document, ["training.learning_rate=1e-30"], mode="numerics", data=data).weights["out"]
    x, w = data.train_inputs.astype(float), start.astype(float)
    logits = x @ w.T
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    d = p / p.sum(axis=1, keepdims=True) - np.eye(4)[data.train_targets]
    gradients = np.einsum("vo,vi->voi", d, x)
    norms = np.sqrt((gradients**2).sum(axis=(1, 2)))
    assert (norms > LIMIT).any()
    if by == "norm":
        gradients *= np.minimum(1, LIMIT / norms)[:, None, None]
    else:
        gradients = np.einsum("vo,vi->voi", np.clip(d, -LIMIT, LIMIT), x)
    np.testing.assert_allclose(found, w - RATE * gradients.mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("by", ["norm", "value"])
def test_schedules_with_exact_gradients_agree_to_the_last_bit(by: str) -> None:
    sequential, plain = weights_of(by), weights_of(None)
    for kind in ("synchronous", "gpipe"):
        other = weights_of(by, kind)
        assert all(np.array_equal(other[name], array) for name, array in sequential.items())
    assert not np.array_equal(plain["a"], sequential["a"])


def test_vectors_within_the_bound_are_left_alone() -> None:
    rng = np.random.default_rng(4)
    d, x = (rng.normal(size=(50, n)).astype(np.float32) for n in (3, 7))
    x[0] = 0
    found = clipped(d, x, 4.0, GradientClipping(), FLOAT32)
    norms = np.linalg.norm(d, axis=1) * np.linalg.norm(x, axis=1)
    assert np.array_equal(found[norms <= 4], d[norms <= 4])
    after = np.linalg.norm(found, axis=1) * np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(after[norms > 4], 4, rtol=1e-6)
    assert 5 < (norms > 4).sum() < 45


@pytest.mark.parametrize("by", ["norm", "value"])
def test_the_digital_unit_does_the_operations(by: str) -> None:
    def operations(clipping: dict[str, Any] | None, mode: str) -> int:
        seen = archsim.simulate(base(training={"gradient_clipping": clipping}), mode=mode, data=small_data())
        return sum(count for key, count in seen.observations.counts.items() if key.component == "nmpu")

    more = operations({"by": by}, "timing") - operations(None, "timing")
    # Matrices of 6 x 5 and 5 x 4, 12 samples; biases of 5 and 4, 3 mini-batches, whose steps are taken at their ends.
    vectors, steps = (12 * (5 + 4), 3 * (5 + 4) * 2) if by == "value" else (12 * (6 + 10 + 5 + 8), 3 * (5 + 4) * 3)
    assert more == vectors + steps
    assert operations({"by": by}, "coupled") == operations({"by": by}, "timing")
