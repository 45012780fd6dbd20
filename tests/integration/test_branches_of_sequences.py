"""A network that convolves, cuts, multiplies, joins and turns sequences: a training step by differences, and stages."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import ndtr

import archsim
from tests.network.operators_by_hand import numeric_gradient

from .test_convolutional_networks import assert_equal_numbers, images

Weights = dict[str, npt.NDArray[np.float64]]
LAYERS: list[dict[str, Any]] = [
    {"name": "conv", "kind": "conv1d", "channels": 4, "kernel": 3, "padding": 1},
    {"name": "act", "kind": "gelu"},
    {"name": "a", "kind": "slice", "stop": 2},
    {"name": "b", "kind": "slice", "start": 2, "inputs": ["act"]},
    {"name": "gated", "kind": "multiply", "inputs": ["a", "b"]},
    {"name": "both", "kind": "concat", "inputs": ["gated", "act", "gated"]},
    {"name": "turned", "kind": "transpose", "axes": [1, 0]},
    {"name": "mixed", "kind": "linear", "features": 3},
    {"name": "shares", "kind": "softmax"},
    {"name": "flat", "kind": "flatten"},
    {"name": "out", "kind": "linear", "features": 3},
]
RUN = {"seed": 4, "evaluate_every": 2}
DATA = images(8, 30, (2, 5), 3)


def trained(*overrides: str, **sections: Any) -> archsim.Run:
    document = {
        "network": {"input_shape": [2, 5], "layers": LAYERS},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 8, "columns": 3}},
        "training": {"algorithm": "analog-sgd", "learning_rate": 1.0, "mini_batch": 4, "max_mini_batches": 4},
        "schedule": {"kind": "synchronous", "stages": [["conv", "mixed", "out"]], "micro_batches": 2},
        "run": RUN | {"mode": "numerics"},
    }
    return archsim.simulate(document | sections, list(overrides), data=DATA)


def loss(weights: Weights, x: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> float:
    """The mean loss of the network in plain NumPy, all positions at once."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1)))
    seen = np.stack([padded[..., k : k + 5] for k in range(3)], axis=2)
    conv = np.einsum("ocj,scjt->sot", weights["conv"].reshape(4, 2, 3), seen) + weights["conv.bias"][:, None]
    act = conv * ndtr(conv)
    gated = act[:, :2] * act[:, 2:]
    turned = np.concatenate([gated, act, gated], axis=1).swapaxes(1, 2)
    shares = np.exp(turned @ weights["mixed"].T + weights["mixed.bias"])
    shares /= shares.sum(axis=-1, keepdims=True)
    logits = shares.reshape(len(x), -1) @ weights["out"].T + weights["out.bias"]
    return float(np.mean(np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(len(x)), labels]))


def test_a_training_step_is_that_of_differences() -> None:
    """With exact cells and converters only the precision of float32 is left between both."""
    exact = ("chip.device=ideal", "chip.io.is_perfect=true", "training.algorithm=digital-sgd", "training.mini_batch=8")
    once = (*exact, "training.max_mini_batches=1")
    before = trained(*once, "training.learning_rate=1e-30").weights
    after = trained(*once, "training.learning_rate=0.5").weights
    start = {name: array.astype(np.float64) for name, array in before.items()}
    x = DATA.train_inputs.astype(np.float64)
    for name, array in start.items():
        slope = numeric_gradient(lambda w, name=name: loss(start | {name: w}, x, DATA.train_targets), array)  # type: ignore[misc]
        assert np.abs(slope).max() > 1e-4
        np.testing.assert_allclose(after[name], array - 0.5 * slope, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("kind", ["sequential", "synchronous"])
def test_stages_and_a_clock_change_no_number(kind: str) -> None:
    """On noisy tiles; a value goes from the first stage to several readers in the second."""
    stages = [["conv", "act"], ["a", "b", "gated", "both", "turned", "mixed"], ["shares", "flat", "out"]]
    several = trained(schedule={"kind": kind, "stages": stages, "micro_batches": 2}, run=RUN | {"mode": "coupled"})
    assert_equal_numbers(several, trained())
    assert several.observations.bytes_sent == several.observations.bytes_received > 0
