"""The learning rate of the array that takes gradients, as the size of gradients asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim._core.digital import follow_maxima
from archsim.analog.blocks import FloatArray

__all__ = ["FastRate"]


@dataclass(frozen=True)
class FastRate:
    """Learning rates of a block of vectors (aihwkit ``ChoppedTransferCompound``; lambda_A of arXiv:2303.04721).

    The base is fast_lr, times the learning rate with ``scale``; the learning rate itself if fast_lr = 0. Unless
    ``reach`` is 0 it is multiplied by reach / (m_x m_d), or by reach as long as all was 0, where m follows the largest
    |x| and |d| of each vector: m <- (1 - r) m + r |.|, starting with the first that is not 0 and leaving those that are
    0 out.

    Attributes
    ----------
    fast_lr : float
        Base.
    scale : bool
        Whether the learning rate multiplies it.
    reach : float
        Longest train times granularity, 0 for no automatic scale.
    rate : float
        r: one minus the momentum, divided by the vectors of a mini-batch.
    """

    fast_lr: float
    scale: bool
    reach: float
    rate: float

    def __call__(
        self, x: FloatArray, d: FloatArray, learning_rate: float, maxima: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the learning rate of each vector [V]; ``maxima``, m_x and m_d, are moved on in place."""
        base = self.fast_lr or learning_rate
        if self.scale and self.fast_lr:
            base *= learning_rate
        if self.reach == 0.0:
            return np.full(len(x), base)
        products = np.empty(len(x))
        follow_maxima(x, d, self.rate, maxima, products)
        return base * (self.reach / np.where(products > 0.0, products, 1.0))
