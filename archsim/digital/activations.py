"""Element-wise activations and their derivatives, in a given arithmetic."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = ["relu", "relu_gradient", "sigmoid", "sigmoid_gradient", "tanh", "tanh_gradient"]


def sigmoid(x: Array, arithmetic: Arithmetic) -> Array:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return arithmetic.function(expit, x)


def sigmoid_gradient(y: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, d y (1 - y), from the output `y` and the gradient `d` there."""
    return arithmetic.multiply(arithmetic.multiply(d, y), arithmetic.subtract(1, y))


def tanh(x: Array, arithmetic: Arithmetic) -> Array:
    """Return tanh(x)."""
    return arithmetic.function(np.tanh, x)


def tanh_gradient(y: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, (1 - y y) d, from the output `y` and the gradient `d` there."""
    return arithmetic.multiply(arithmetic.subtract(1, arithmetic.multiply(y, y)), d)


def relu(x: Array) -> Array:
    """Return max(x, 0)."""
    result: Array = np.maximum(x, 0)
    return result


def relu_gradient(y: Array, d: Array) -> Array:
    """Return the gradient at the input from the output `y`; at the kink it is zero."""
    result: Array = np.where(y > 0, d, d.dtype.type(0))
    return result
