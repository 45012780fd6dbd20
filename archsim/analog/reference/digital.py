"""What digital logic beside an array does to the numbers of a vector or a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray

__all__ = ["follow_maxima", "let_go"]


def follow_maxima(
    x: FloatArray, d: FloatArray, rate: float, maxima: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the followed maxima of |x| and |d| after the last vector, and their product after each."""
    means, products = list(maxima), []
    for vectors in zip(x, d, strict=True):
        for side, values in enumerate(vectors):
            new = float(np.abs(values).max(initial=0.0))
            if means[side] <= 0.0:
                means[side] = new
            elif new > 0.0:
                means[side] += rate * (new - means[side])
        products.append(means[0] * means[1])
    return np.array(means), np.array(products)


def let_go(
    values: FloatArray, threshold: float, most: int, kept: float, taken: float, limit: float
) -> tuple[FloatArray, FloatArray]:
    """Return the buffer after whole thresholds were taken out of it, and how many of them."""
    counts = np.trunc(np.clip(values / np.float32(threshold), -most, most)).astype(np.float32)
    left = np.float32(kept) * values - np.float32(taken) * counts
    bounded = np.clip(left, -np.float32(limit), np.float32(limit))
    return np.where(counts != 0.0, bounded, values), counts
