"""Element-wise activations and their derivatives, in the precision of their input."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from archsim.digital.arrays import Array

__all__ = ["relu", "relu_gradient", "sigmoid", "sigmoid_gradient", "tanh_gradient"]


def sigmoid(x: Array) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow."""
    result: Array = expit(x)
    return result


def sigmoid_gradient(y: Array, d: Array) -> Array:
    """Return the gradient at the input from the output `y` and the gradient `d` there."""
    result: Array = d * y
    result *= 1 - y
    return result


def tanh_gradient(y: Array, d: Array) -> Array:
    """Return the gradient at the input from the output `y` and the gradient `d` there."""
    result: Array = y * y
    np.subtract(1, result, out=result)
    result *= d
    return result


def relu(x: Array) -> Array:
    """Return max(x, 0)."""
    result: Array = np.maximum(x, 0)
    return result


def relu_gradient(y: Array, d: Array) -> Array:
    """Return the gradient at the input from the output `y`; at the kink it is zero."""
    result: Array = np.where(y > 0, d, d.dtype.type(0))
    return result
