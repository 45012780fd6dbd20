"""Losses on a block of outputs, each with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array

__all__ = ["mean_squared_error", "softmax_cross_entropy"]


def softmax_cross_entropy(
    logits: Array, labels: NDArray[np.integer[Any]], arithmetic: Arithmetic = FLOAT32
) -> tuple[float, Array]:
    """Return the summed cross entropy of a softmax and its gradient.

    Parameters
    ----------
    logits : ndarray, shape (V, classes)
        Outputs of the network.
    labels : ndarray of int, shape (V,)
        Correct classes.
    arithmetic : Arithmetic
        What computes.

    Returns
    -------
    loss : float
        Sum over the block of -log p[label], in nats.
    gradient : ndarray, shape (V, classes)
        Gradient of that sum: p - onehot(label).
    """
    logits = np.ascontiguousarray(logits)
    shifted = arithmetic.subtract(logits, np.maximum.reduce(logits, axis=1, keepdims=True))
    exponentials = arithmetic.function(np.exp, shifted)
    totals = arithmetic.total(exponentials, axis=1)[:, None]
    # Positions in the flat block: numpy finds them several times as fast as pairs of indices.
    right = np.arange(0, logits.size, logits.shape[1]) + labels
    losses = arithmetic.subtract(arithmetic.function(np.log, totals), shifted.take(right)[:, None])
    gradient = arithmetic.divide(exponentials, totals)
    at_label = gradient.reshape(-1)
    at_label[right] = arithmetic.subtract(at_label[right][:, None], 1)[:, 0]
    loss = float(np.add.reduce(losses.reshape(-1), dtype=np.float64))
    # Coarse numbers may take the logarithm of a sum below 1; a loss of this kind is never negative, but it may be NaN.
    return (0.0 if loss < 0 else loss), gradient


def mean_squared_error(outputs: Array, targets: Array, arithmetic: Arithmetic = FLOAT32) -> tuple[float, Array]:
    """Return the squared error, averaged over the outputs of a sample and summed over the block.

    Parameters
    ----------
    outputs, targets : ndarray, shape (V, n)
        Outputs of the network and what they should be.
    arithmetic : Arithmetic
        What computes.

    Returns
    -------
    loss : float
        Sum over the block of mean_j (outputs_j - targets_j)**2.
    gradient : ndarray, shape (V, n)
        Gradient of that sum: 2 (outputs - targets) / n.
    """
    difference = arithmetic.subtract(outputs, targets.astype(outputs.dtype, copy=False))
    size = outputs.shape[1]
    loss = float(np.sum(arithmetic.multiply(difference, difference), dtype=np.float64)) / size
    return loss, arithmetic.multiply(difference, outputs.dtype.type(2 / size))
