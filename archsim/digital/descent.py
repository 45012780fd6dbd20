"""The step of gradient descent by which a digital unit trains the numbers that it holds."""

from __future__ import annotations

import numpy as np

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = ["descend"]


def descend(values: Array, gradient: Array, learning_rate: float, arithmetic: Arithmetic) -> Array:
    """Return new values behind a step of gradient descent, values - learning_rate * gradient."""
    step = arithmetic.update.multiply(gradient, np.float32(learning_rate))
    return arithmetic.parameters.subtract(values, step)
