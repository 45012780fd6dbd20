"""Losses on a block of outputs, each with its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array

__all__ = ["mean_squared_error", "softmax_cross_entropy"]


def softmax_cross_entropy(logits: Array, labels: NDArray[np.integer[Any]]) -> tuple[float, Array]:
    """Return the summed cross entropy of a softmax and its gradient.

    Parameters
    ----------
    logits : ndarray, shape (V, classes)
        Outputs of the network.
    labels : ndarray of int, shape (V,)
        Correct classes.

    Returns
    -------
    loss : float
        Sum over the block of -log p[label], in nats.
    gradient : ndarray, shape (V, classes)
        Gradient of that sum: p - onehot(label).
    """
    shifted = np.subtract(logits, np.maximum.reduce(logits, axis=1, keepdims=True), order="C")
    exponentials = np.exp(shifted)
    totals = np.add.reduce(exponentials, axis=1, keepdims=True)
    # Positions in the flat block: numpy finds them several times as fast as pairs of indices.
    right = np.arange(0, logits.size, logits.shape[1]) + labels
    loss = float(np.add.reduce(np.log(totals[:, 0]) - shifted.take(right), dtype=np.float64))
    gradient: Array = np.divide(exponentials, totals, out=exponentials)
    gradient.reshape(-1)[right] -= 1
    return loss, gradient


def mean_squared_error(outputs: Array, targets: Array) -> tuple[float, Array]:
    """Return the squared error, averaged over the outputs of a sample and summed over the block.

    Parameters
    ----------
    outputs, targets : ndarray, shape (V, n)
        Outputs of the network and what they should be.

    Returns
    -------
    loss : float
        Sum over the block of mean_j (outputs_j - targets_j)**2.
    gradient : ndarray, shape (V, n)
        Gradient of that sum: 2 (outputs - targets) / n.
    """
    difference = outputs - targets.astype(outputs.dtype, copy=False)
    size = outputs.shape[1]
    loss = float(np.sum(difference * difference, dtype=np.float64)) / size
    return loss, difference * outputs.dtype.type(2 / size)
