"""The squared hinge loss."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array
from archsim.network.losses import Loss
from archsim.network.operators import OperatorCost


class SquaredHinge(Loss):
    """The sum over classes of max(0, 1 - t y)^2, with t = 1 for the right class and -1 for others."""

    classifies = True

    def of(self, outputs: Array, targets: NDArray[Any]) -> tuple[float, Array]:
        a = self.arithmetic
        sign = np.full_like(outputs, -1)
        sign[np.arange(len(outputs)), targets] = 1
        missing = np.maximum(a.subtract(np.float32(1), a.multiply(sign, outputs)), np.float32(0))
        return float(np.square(missing, dtype=np.float64).sum()), a.multiply(np.float32(-2) * sign, missing)

    def cost(self, outputs: int) -> OperatorCost:
        return OperatorCost(multiply_adds=4 * outputs)
