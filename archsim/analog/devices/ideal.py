"""Weights without bounds, pulses or noise: the digital baseline."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.blocks import FloatArray, NotFiniteError, aligned_zeros, ranges
from archsim.analog.observed import Counts
from archsim.analog.threads import Workers
from archsim.errors import InputError

__all__ = ["IdealArray"]

#: Products below which a second thread costs more than it gives.
WORTH_SHARING = 2_000_000


class IdealArray:
    """Cells that follow W <- W - learning_rate d x^T exactly, vector after vector, in float32."""

    def __init__(self, outputs: int, inputs: int, workers: Workers) -> None:
        self.weights: FloatArray = aligned_zeros(outputs, inputs)
        self.granularity = 0.0
        self._workers = workers

    def program(self, weights: FloatArray) -> None:
        """Write a matrix exactly."""
        self.weights[...] = weights

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Make W <- W - learning_rate d x^T; `first_vector` is not needed, nothing is random."""
        if not (math.isfinite(learning_rate) and kernels.all_finite(x) and kernels.all_finite(d)):
            raise NotFiniteError("x, d or the learning rate of an update")

        def part(begin: int, end: int) -> None:
            kernels.exact_update(self.weights, x, d, learning_rate, begin, end)

        outputs = len(self.weights)
        if self._workers.threads > 1 and self.weights.size * len(x) >= WORTH_SHARING:
            self._workers.map(part, ranges(outputs, -(-outputs // self._workers.threads)))
        else:
            part(0, outputs)
        return Counts()

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does: there are no trains."""
        return self.update(x, d, learning_rate, first_vector)

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Refuse: these cells know no pulses."""
        raise InputError("an ideal device has no pulses", remedy="take a pulsed device such as 'constant-step'")

    def age(self, index: int) -> Counts:
        """Do nothing: these weights keep."""
        return Counts()

    def saturated(self) -> float:
        """Return 0: there are no bounds."""
        return 0.0

    def arrays(self) -> dict[str, FloatArray]:
        """Return the weights, by name."""
        return {"weights": self.weights}
