"""Products that a digital unit computes: of activations with activations, and with matrices that it holds."""

from __future__ import annotations

import math

import numpy as np

from archsim._core import digital
from archsim.digital.arrays import Array

__all__ = ["stacked_product", "vector_product"]


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


def vector_product(x: Array, weights: Array) -> Array:
    """Return x @ weights.T for vectors x (V, k) and a matrix (m, k), the terms of each sum added in their order."""
    product: Array = stacked_product(x[None], weights.T[None])[0]
    return product
