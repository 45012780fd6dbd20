"""The learning rate of the array that takes gradients, as the size of gradients asks for it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray

__all__ = ["FastRate"]


@dataclass(frozen=True)
class FastRate:
    """Learning rates of a block of vectors (aihwkit ``ChoppedTransferCompound``; lambda_A of arXiv:2303.04721).

    The base is fast_lr, times the learning rate with ``scale``; the learning rate itself if fast_lr = 0. Unless
    ``reach`` is 0 it is multiplied by reach / (m_x m_d), where m follows the largest |x| and |d| of each vector:
    m <- (1 - r) m + r |.|, starting with the first that is not 0 and leaving those that are 0 out.

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
        m_x, m_d = maxima.tolist()
        rates = []
        for x_max, d_max in zip(_largest(x), _largest(d), strict=True):
            m_x, m_d = self._follow(m_x, x_max), self._follow(m_d, d_max)
            rates.append(base * (self.reach / (m_x * m_d) if m_x > 0.0 and m_d > 0.0 else self.reach))
        maxima[:] = m_x, m_d
        return np.array(rates)

    def _follow(self, mean: float, new: float) -> float:
        if mean <= 0.0 or new <= 0.0:
            return new if mean <= 0.0 else mean
        return mean + self.rate * (new - mean)


def _largest(values: FloatArray) -> list[float]:
    """Return the largest magnitude of each vector."""
    if not values.shape[1]:
        return [0.0] * len(values)
    largest: list[float] = np.maximum.reduce(np.abs(values), axis=1).tolist()
    return largest
