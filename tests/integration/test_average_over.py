"""Over which samples the loss is averaged: a sample's step is the same under every schedule, or as published."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import archsim
from archsim import DataSet, Run

SAMPLES, PARTS = 32, 4
Weights = npt.NDArray[np.float64]


def trained(kind: str, average_over: str, rate: float, algorithm: str = "analog-sgd", device: str = "ideal") -> Run:
    """Train two layers by one pass over random samples, in mini-batches of eight, on two stages."""
    random = np.random.default_rng(3)
    inputs = random.normal(size=(SAMPLES, 6)).astype(np.float32)
    labels = random.integers(0, 4, SAMPLES)
    layers: list[dict[str, Any]] = [
        {"name": "one", "kind": "linear", "features": 5, "bias": False},
        {"name": "act", "kind": "tanh"},
        {"name": "two", "kind": "linear", "features": 4, "bias": False},
    ]
    document = {
        "network": {"input_shape": [6], "layers": layers},
        "chip": {"preset": "reram-1024", "device": device, "io": {"is_perfect": True}},
        "training": {
            "learning_rate": rate,
            "mini_batch": 8,
            "average_over": average_over,
            "algorithm": algorithm,
        },
        "schedule": {"kind": kind, "stages": 2, "micro_batches": PARTS},
        "run": {"mode": "numerics", "seed": 5},
    }
    return archsim.simulate(document, data=DataSet("random", inputs, labels, inputs[:8], labels[:8], 4))


def change(kind: str, average_over: str, layer: str) -> Weights:
    """Return the change of a layer's weights, with a rate at which the order of samples hardly matters."""
    moved, still = trained(kind, average_over, 2e-3), trained(kind, average_over, 1e-12)
    return np.asarray(moved.weights[layer], np.float64) - still.weights[layer]


@pytest.mark.parametrize("layer", ["one", "two"])
def test_a_sample_moves_the_weights_alike_under_every_schedule(layer: str) -> None:
    """To first order in the learning rate; second-order terms are below a hundredth here."""
    sequential = change("sequential", "mini-batch", layer)
    size = np.abs(sequential).max()
    np.testing.assert_allclose(change("asynchronous", "mini-batch", layer), sequential, atol=0.01 * size)
    np.testing.assert_allclose(change("asynchronous", "applied", layer), PARTS * sequential, atol=0.05 * size)


def test_where_a_mini_batch_is_applied_together_both_are_the_same() -> None:
    one, other = (trained("gpipe", form, 0.05, device="reram-sb") for form in ("mini-batch", "applied"))
    for layer, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[layer])


@pytest.mark.parametrize("algorithm", ["agad", "c-ttv2"])
def test_normalised_gradients_make_both_the_same(algorithm: str) -> None:
    one, other = (trained("asynchronous", form, 0.05, algorithm, "reram-sb") for form in ("mini-batch", "applied"))
    assert sum(one.observations.pulses.values()) > 0
    assert one.observations.pulses == other.observations.pulses
    for layer, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[layer])


def test_the_step_per_sample_is_told() -> None:
    steps = {
        (kind, form): trained(kind, form, 0.04).metrics
        for kind in ("sequential", "asynchronous")
        for form in ("mini-batch", "applied")
    }
    for (kind, form), metrics in steps.items():
        immediate = kind == "asynchronous"
        averaged_over = 2 if immediate and form == "applied" else 8
        assert metrics["step_per_sample"] == pytest.approx(0.04 / averaged_over)
        assert metrics["samples_per_update"] == (2 if immediate else 8)
        assert metrics["updates"] == ([SAMPLES // 2] * 2 if immediate else [SAMPLES // 8] * 2)
