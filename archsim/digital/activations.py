"""Activations and their derivatives, in a given arithmetic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = [
    "leaky_relu",
    "leaky_relu_gradient",
    "relu",
    "relu6",
    "relu6_gradient",
    "relu_gradient",
    "sigmoid",
    "sigmoid_gradient",
    "softmax",
    "softmax_gradient",
    "tanh",
    "tanh_gradient",
]


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


def relu6(x: Array) -> Array:
    """Return min(max(x, 0), 6)."""
    result: Array = np.clip(x, 0, 6)
    return result


def relu6_gradient(y: Array, d: Array) -> Array:
    """Return the gradient at the input from the output `y`; at both kinks it is zero."""
    result: Array = np.where((y > 0) & (y < 6), d, d.dtype.type(0))
    return result


def leaky_relu(x: Array, slope: float, arithmetic: Arithmetic) -> Array:
    """Return x where it is positive, and slope * x elsewhere."""
    result: Array = np.where(x > 0, x, arithmetic.multiply(x, slope))
    return result


def leaky_relu_gradient(x: Array, d: Array, slope: float, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input from the input `x`; at the kink it is slope * d."""
    result: Array = np.where(x > 0, d, arithmetic.multiply(d, slope))
    return result


def softmax(x: Array, arithmetic: Arithmetic, hidden: NDArray[np.bool_] | None = None) -> Array:
    """Return exp(x) / sum exp(x) over the last axis, without overflow; what is hidden is left out, and becomes 0.

    Parameters
    ----------
    x : ndarray
        Rows of numbers.
    arithmetic : Arithmetic
        What computes.
    hidden : ndarray of bool, optional
        What is left out, of a shape that broadcasts to that of `x`; never a whole row.
    """
    if hidden is None:
        shifted = arithmetic.subtract(x, np.maximum.reduce(x, axis=-1, keepdims=True))
        exponentials = arithmetic.function(np.exp, shifted)
    else:
        # Not by -inf, which an arithmetic may hold as a number whose exponential is not 0.
        largest = np.maximum.reduce(np.where(hidden, x.dtype.type(-np.inf), x), axis=-1, keepdims=True)
        shifted = arithmetic.subtract(np.where(hidden, largest, x), largest)
        exponentials = np.where(hidden, x.dtype.type(0), arithmetic.function(np.exp, shifted))
    return arithmetic.divide(exponentials, arithmetic.total(exponentials, axis=-1)[..., None])


def softmax_gradient(y: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, y (d - sum y d), from the output `y` and the gradient `d` there."""
    projection = arithmetic.total(arithmetic.multiply(y, d), axis=-1)
    return arithmetic.multiply(y, arithmetic.subtract(d, projection[..., None]))
