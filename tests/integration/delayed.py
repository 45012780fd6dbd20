"""The delayed quadratic: an asynchronous pipeline of scalar layers of which only the first is trained.

Its loss is (w x)**2 at inputs of 1 and targets of 0, and its gradient is that of the weight of so many updates ago.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import archsim
from archsim import DataSet, Run
from archsim.training import DelayCompensation

from .experiments import chain

CURVATURE = 2.0  # of (w x)**2 at x = 1


def simulated(
    tau: int,
    alpha_lambda: float,
    updates: int,
    *,
    layer: dict[str, Any] | None = None,
    micro_batches: int = 1,
    evaluate_every: int | None = None,
    run: dict[str, Any] | None = None,
    options: dict[str, Any] | None = None,
    **training: Any,
) -> Run:
    """Train the first of tau + 1 layers, each with a weight of 1, by inputs of 1 and targets of 0."""
    ones = np.ones((updates, 1), np.float32)
    data = DataSet("ones", ones, 0 * ones, ones[:1], 0 * ones[:1])
    layers: list[dict[str, Any]] = [
        {"name": f"layer{i}", "kind": "linear", "features": 1, "bias": False, "initial_value": 1.0, "trainable": not i}
        for i in range(tau + 1)
    ]
    layers[0] |= layer or {}
    document = chain(
        layers,
        training={"learning_rate": alpha_lambda / CURVATURE, "mini_batch": micro_batches, **training},
        schedule={"kind": "asynchronous", "stages": tau + 1, "micro_batches": micro_batches},
        run={"mode": "numerics", "evaluate_every": evaluate_every or updates // micro_batches} | (run or {}),
    )
    return archsim.simulate(document, data=data, **(options or {}))


def predicted(
    tau: int,
    alpha_lambda: float,
    updates: int,
    *,
    micro_batches: int = 1,
    momentum: float = 0.0,
    limit: float = np.inf,
    clip_whole: bool = True,
    compensation: DelayCompensation | None = None,
    kept: Callable[[float], float] | None = None,
) -> np.ndarray:
    """Return the weights before each step and behind the last, by the delayed gradient in plain Python.

    A step is taken at the end of a mini-batch, by the sum of the gradients of its micro-batches, each of the weight
    that its forward met: min(k, tau) updates ago for micro-batch k.
    """
    exponent, bound_exponent = 0.0, 0.0
    if compensation is not None:
        exponent, bound_exponent = compensation.exponent, compensation.clipping_exponent
    weights, velocity, keeps, gradient, ages = [1.0], 0.0, momentum, 0.0, []
    for k in range(updates):
        late = min(k, tau)
        step, met = k // micro_batches, (k - late) // micro_batches
        bound = limit * (2 * late + 1) ** -bound_exponent
        found = CURVATURE * weights[met]
        gradient += (found if clip_whole else np.clip(found, -bound, bound)) / micro_batches
        ages.append(step - met)
        if (k + 1) % micro_batches == 0:
            if clip_whole:
                gradient = float(np.clip(gradient, -bound, bound))
            velocity = keeps * velocity + gradient
            keeps = momentum if kept is None else kept(float(np.mean(ages)))
            rate = alpha_lambda / CURVATURE * (2 * late + 1) ** -exponent
            weights.append(weights[-1] - rate * velocity)
            gradient, ages = 0.0, []
    return np.array(weights)
