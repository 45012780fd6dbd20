"""Delayed gradients: where gradient descent with a delay of tau updates turns from stable to unstable.

A chain of tau + 1 scalar layers in an asynchronous pipeline, of which only the first is trained, is
w <- w - alpha lambda w(tau updates ago). It is stable if and only if alpha lambda < 2 sin(pi / (4 tau + 2)).
"""

from __future__ import annotations

import math
from typing import Any

import pytest

from .delayed import simulated


def losses(tau: int, alpha_lambda: float, updates: int, **training: Any) -> list[float]:
    """Return the mean training loss of the first and the last tenth of a run."""
    curve = simulated(tau, alpha_lambda, updates, evaluate_every=updates // 10, **training).learning.train_loss
    return [curve.iloc[0], curve.iloc[-1]]


@pytest.mark.parametrize("tau", [1, 3, 7])
def test_stability_limit(tau: int) -> None:
    limit = 2 * math.sin(math.pi / (4 * tau + 2))
    updates = 600 * (tau + 1)
    early, late = losses(tau, 0.99 * limit, updates)
    assert late < 0.5 * early
    early, late = losses(tau, 1.01 * limit, updates)
    assert late > 2 * early


@pytest.mark.parametrize("tau", [1, 7])
def test_a_rate_that_is_stable_without_a_delay_stays_so_where_it_is_divided_by_it(tau: int) -> None:
    """Divided by 2 tau + 1: 2 / (2 tau + 1) <= 2 sin(pi / (4 tau + 2)). Without, it diverges."""
    updates = 100 * (tau + 1)
    early, late = losses(tau, 1.9, updates, delay_compensation={})
    assert late < 1e-3 * early
    early, late = losses(tau, 1.9, 40)
    assert late > 1e3 * early


def test_with_a_delay_the_weight_follows_the_recurrence_of_the_delayed_gradient() -> None:
    """w <- w - alpha (2 d + 1)**-p lambda w(d updates ago), with d = min(k, tau) and p falling in 20 mini-batches."""
    tau, updates, alpha_lambda = 3, 40, 0.4
    trained = simulated(tau, alpha_lambda, updates, delay_compensation={"annealing_mini_batches": 20})
    weights = [1.0]
    for k in range(updates):
        d = min(k, tau)
        share = (2 * d + 1) ** -(1 - min(k / 20, 1))
        weights.append(weights[-1] - alpha_lambda * share * weights[k - d])
    assert trained.weights["layer0"].item() == pytest.approx(weights[-1], rel=1e-5)
