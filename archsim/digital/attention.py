"""Scaled dot-product attention and its gradient, in a given arithmetic.

Vaswani et al. 2017, arXiv:1706.03762, equation 1: softmax(q k^T / sqrt(n)) v, of each head by itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archsim.digital.activations import softmax, softmax_gradient
from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array

__all__ = ["attention", "attention_gradient"]

#: Which keys are hidden from which queries, shape (queries, keys).
Mask = NDArray[np.bool_]


def attention(q: Array, k: Array, v: Array, hidden: Mask | None, arithmetic: Arithmetic) -> Array:
    """Return softmax(q k^T / sqrt(n)) v.

    Parameters
    ----------
    q, k, v : ndarray, shape (samples, heads, queries, n), (samples, heads, keys, n), (samples, heads, keys, m)
        Queries, keys and values of each head.
    hidden : ndarray of bool, shape (queries, keys), optional
        Which keys have the weight 0 for which queries.
    arithmetic : Arithmetic
        What computes.

    Returns
    -------
    ndarray, shape (samples, heads, queries, m)
    """
    return arithmetic.matmul(_weights(_scaled(q, arithmetic), k, hidden, arithmetic), v)


def attention_gradient(
    q: Array, k: Array, v: Array, hidden: Mask | None, d: Array, arithmetic: Arithmetic
) -> tuple[Array, Array, Array]:
    """Return the gradients at q, k and v from that at the output.

    The weights are computed again instead of stored (Dao et al. 2022, arXiv:2205.14135, section 3.1): with p for them,

        dv = p^T d,   ds = p (d v^T - sum p d v^T),   dq = ds k / sqrt(n),   dk = ds^T q / sqrt(n).
    """
    scaled = _scaled(q, arithmetic)
    weights = _weights(scaled, k, hidden, arithmetic)
    of_scores = softmax_gradient(weights, arithmetic.matmul(d, v.swapaxes(-1, -2)), arithmetic)
    return (
        _scaled(arithmetic.matmul(of_scores, k), arithmetic),
        arithmetic.matmul(of_scores.swapaxes(-1, -2), scaled),
        arithmetic.matmul(weights.swapaxes(-1, -2), d),
    )


def _scaled(q: Array, arithmetic: Arithmetic) -> Array:
    return arithmetic.multiply(q, q.dtype.type(1 / math.sqrt(q.shape[-1])))


def _weights(scaled: Array, k: Array, hidden: Mask | None, arithmetic: Arithmetic) -> Array:
    return softmax(arithmetic.matmul(scaled, k.swapaxes(-1, -2)), arithmetic, hidden)
