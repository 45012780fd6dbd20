"""Products of activations with activations: no operand is stationary, so a digital unit takes them."""

from __future__ import annotations

import numpy as np

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
    total: Array = left[..., :, 0, None] * right[..., None, 0, :]
    term = np.empty_like(total)
    for k in range(1, left.shape[-1]):
        np.multiply(left[..., :, k, None], right[..., None, k, :], out=term)
        np.add(total, term, out=total)
    return total
