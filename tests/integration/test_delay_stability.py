"""Delayed gradients: where gradient descent with a delay of tau updates turns from stable to unstable.

A chain of tau + 1 scalar layers in an asynchronous pipeline, of which only the first is trained, is
w <- w - alpha lambda w(tau updates ago). It is stable if and only if alpha lambda < 2 sin(pi / (4 tau + 2)).
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import archsim
from archsim import DataSet

from .experiments import chain

CURVATURE = 2.0  # of (w x)**2 at x = 1


def losses(tau: int, alpha_lambda: float, updates: int) -> list[float]:
    """Return the mean training loss of the first and the last tenth of a run."""
    ones = np.ones((updates, 1), np.float32)
    data = DataSet("ones", ones, 0 * ones, ones[:1], 0 * ones[:1])
    layers = [
        {"name": f"layer{i}", "kind": "linear", "features": 1, "bias": False, "initial_value": 1.0, "trainable": not i}
        for i in range(tau + 1)
    ]
    document = chain(
        layers,
        training={"learning_rate": alpha_lambda / CURVATURE, "mini_batch": 1},
        run={"mode": "numerics", "evaluate_every": updates // 10},
    )
    curve = archsim.simulate(document, data=data).learning.train_loss
    return [curve.iloc[0], curve.iloc[-1]]


@pytest.mark.parametrize("tau", [1, 3, 7])
def test_stability_limit(tau: int) -> None:
    limit = 2 * math.sin(math.pi / (4 * tau + 2))
    updates = 600 * (tau + 1)
    early, late = losses(tau, 0.99 * limit, updates)
    assert late < 0.5 * early
    early, late = losses(tau, 1.01 * limit, updates)
    assert late > 2 * early
