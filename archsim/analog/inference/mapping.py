"""Signed weights on pairs of conductances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from archsim.analog.blocks import FloatArray
from archsim.analog.inference.draws import Array
from archsim.errors import InputError

__all__ = ["PairMapping"]


@dataclass(frozen=True)
class PairMapping:
    """A weight is the difference of two conductances, of which one stays at the lowest value.

    With the range r_i of output line i, a weight w of it has the normalised value u = clip(w / r_i, -1, 1) and the
    conductances

        g+ = g_min + max(u, 0) (g_max - g_min),    g- = g_min + max(-u, 0) (g_max - g_min)

    (Joshi et al. 2020, doi:10.1038/s41467-020-16108-9). The read chain sees u times `full`, the weight that stands for
    full conductance in its units, and a digital gain r_i / `full` behind the ADC gives the output its scale again. So a
    line with a smaller range uses larger currents, above the noise of the converters.

    Attributes
    ----------
    g_min, g_max : float
        Lowest and highest conductance, in uS.
    ranges : float64 [outputs]
        Weight at full conductance of each output line.
    full : float
        The same in the units of the read chain.
    """

    g_min: float
    g_max: float
    ranges: Array
    full: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.ranges).all() and (self.ranges > 0).all() and self.full > 0):
            raise InputError(
                "a weight at full conductance must be finite and above 0",
                value=(self.ranges.tolist(), self.full),
                remedy="give one positive range for each output line",
            )

    @classmethod
    def common(cls, weights: ArrayLike, g_min: float, g_max: float) -> PairMapping:
        """Map the largest |weight| of the matrix to full conductance; the chain sees weights as they are."""
        largest = _largest(np.abs(np.asarray(weights, np.float64)).max(initial=0.0, keepdims=True).reshape(1))
        return cls(g_min, g_max, np.repeat(largest, len(np.asarray(weights))), float(largest[0]))

    @classmethod
    def columnwise(cls, weights: ArrayLike, g_min: float, g_max: float, full: float | None = None) -> PairMapping:
        """Map the largest |weight| of every output line to full conductance.

        ``full`` is by default the largest |weight| of the matrix.
        """
        ranges = _largest(np.abs(np.asarray(weights, np.float64)).max(axis=1, initial=0.0))
        return cls(g_min, g_max, ranges, float(ranges.max(initial=0.0)) if full is None else full)

    @property
    def gains(self) -> FloatArray:
        """Digital factor of each output, float32 [outputs]."""
        return (self.ranges / self.full).astype(np.float32)

    def targets(self, weights: ArrayLike) -> Array:
        """Return the conductances that a matrix asks for, in uS, float64 [2, outputs, inputs]."""
        u = np.clip(np.asarray(weights, np.float64) / self.ranges[:, None], -1.0, 1.0)
        return self.g_min + np.stack([np.maximum(u, 0.0), np.maximum(-u, 0.0)]) * (self.g_max - self.g_min)

    def chain_weights(self, conductances: Array) -> FloatArray:
        """Return what the read chain sees of pairs of conductances, float32 [outputs, inputs]."""
        u = (conductances[0] - conductances[1]) / (self.g_max - self.g_min)
        return np.ascontiguousarray(u * self.full, dtype=np.float32)


def _largest(values: Array) -> Array:
    return np.where(values > 0, values, 1.0)
