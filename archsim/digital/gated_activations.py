"""Activations that multiply their input by a gate that it opens itself, y = x g(x): SiLU, GELU, hard swish.

Their slope is g + x g'.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit, ndtr

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = [
    "gelu",
    "gelu_gradient",
    "gelu_tanh",
    "gelu_tanh_gradient",
    "hard_swish",
    "hard_swish_gradient",
    "silu",
    "silu_gradient",
]

#: 2 sqrt(2 / pi), and that times 0.044715: Hendrycks & Gimpel 2016, arXiv:1606.08415, section 2.
_LINEAR = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)


def silu(x: Array, arithmetic: Arithmetic) -> Array:
    """Return x sigmoid(x)."""
    return arithmetic.multiply(x, arithmetic.function(expit, x))


def silu_gradient(x: Array, y: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, d (g + y (1 - g)) with g = sigmoid(x), from input and output."""
    gate = arithmetic.function(expit, x)
    slope = arithmetic.add(gate, arithmetic.multiply(y, arithmetic.subtract(1, gate)))
    return arithmetic.multiply(d, slope)


def gelu(x: Array, arithmetic: Arithmetic) -> Array:
    """Return x times the normal distribution function at x."""
    return arithmetic.multiply(x, arithmetic.function(ndtr, x))


def gelu_gradient(x: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, d (g + x g') with g' = exp(-x x / 2) / sqrt(2 pi)."""
    exponent = arithmetic.multiply(arithmetic.multiply(x, x), -0.5)
    density = arithmetic.function(np.exp, exponent)
    rise = arithmetic.multiply(arithmetic.multiply(x, _DENSITY_AT_0), density)
    return arithmetic.multiply(d, arithmetic.add(arithmetic.function(ndtr, x), rise))


def gelu_tanh(x: Array, arithmetic: Arithmetic) -> Array:
    """Return x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2, computed as x sigmoid(v), which is the same."""
    return arithmetic.multiply(x, arithmetic.function(expit, _cubic(x, _square(x, arithmetic), arithmetic)))


def gelu_tanh_gradient(x: Array, y: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input, d (g + y (1 - g) v') with g = sigmoid(v), from input and output."""
    square = _square(x, arithmetic)
    gate = arithmetic.function(expit, _cubic(x, square, arithmetic))
    slope = arithmetic.add(arithmetic.multiply(square, 3 * _CUBIC), _LINEAR)
    rise = arithmetic.multiply(arithmetic.multiply(y, arithmetic.subtract(1, gate)), slope)
    return arithmetic.multiply(d, arithmetic.add(gate, rise))


def hard_swish(x: Array, arithmetic: Arithmetic) -> Array:
    """Return x clip(x / 6 + 1 / 2, 0, 1): Howard et al. 2019, arXiv:1905.02244, section 5.2."""
    return arithmetic.multiply(x, np.clip(_line(x, 1 / 6, arithmetic), 0, 1))


def hard_swish_gradient(x: Array, d: Array, arithmetic: Arithmetic) -> Array:
    """Return the gradient at the input: d (x / 3 + 1 / 2) between -3 and 3, nothing below, d above."""
    slope = np.where(x < 3, _line(x, 1 / 3, arithmetic), x.dtype.type(1))
    return arithmetic.multiply(d, np.where(x > -3, slope, x.dtype.type(0)))


def _line(x: Array, slope: float, arithmetic: Arithmetic) -> Array:
    return arithmetic.add(arithmetic.multiply(x, slope), 0.5)


def _square(x: Array, arithmetic: Arithmetic) -> Array:
    return arithmetic.multiply(x, x)


def _cubic(x: Array, square: Array, arithmetic: Arithmetic) -> Array:
    """Return v = 2 sqrt(2 / pi) (x + 0.044715 x**3)."""
    return arithmetic.multiply(x, arithmetic.add(arithmetic.multiply(square, _CUBIC), _LINEAR))
