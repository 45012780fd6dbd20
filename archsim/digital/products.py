"""Products of activations with activations: no operand is stationary, so a digital unit takes them."""

from __future__ import annotations

import math

import numpy as np

from archsim._core import digital
from archsim.digital.arrays import Array

__all__ = ["stacked_product"]


def stacked_product(x: Array, y: Array) -> Array:
    """Return x @ y for stacks of matrices, the terms of each sum added in their order.

    A library's products add in an order of its own, which depends on the machine and on the number of threads.

    Parameters
    ----------
    x : ndarray, shape (..., n, k)
        Left operands.
    y : ndarray, shape (..., k, m)
        Right operands.

    Returns
    -------
    ndarray, shape (..., n, m)
    """
    left, right = np.ascontiguousarray(x), np.ascontiguousarray(y)
    total = np.empty((*left.shape[:-1], right.shape[-1]), left.dtype)
    stacks = math.prod(left.shape[:-2])
    digital.stacked_product(*(a.reshape(stacks, *a.shape[-2:]) for a in (left, right, total)))
    return total
