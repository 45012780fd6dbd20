"""Normal numbers for the cells of an array: of a purpose, and of one event in the array's life."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels

__all__ = ["Array", "Draws"]

Array = NDArray[np.float64]


class Draws:
    """Draws standard normal numbers that belong to a cell, a purpose and an event.

    Parameters
    ----------
    outputs, inputs : int
        Shape of the array.
    seed : int
        Seed of the noise.
    identity : int
        Which array of the run this is.
    """

    def __init__(self, outputs: int, inputs: int, *, seed: int, identity: int) -> None:
        self._shape = (outputs, inputs)
        self._seed = seed
        self._identity = identity

    def cells(self, purpose: int, event: int, attempt: int = 0) -> Array:
        """Return float64 [4, outputs, inputs]: four independent numbers for each cell."""
        outputs, inputs = self._shape
        numbers = np.empty((outputs * inputs, 4), np.float32)
        kernels.normals(numbers, self._seed, self._identity, purpose, event, 0, 0, attempt)
        return numbers.T.astype(np.float64).reshape(4, outputs, inputs)

    def pairs(self, purpose: int, event: int, attempt: int = 0) -> Array:
        """Return float64 [2, outputs, inputs]: one number for each of a cell's two conductances."""
        return self.cells(purpose, event, attempt)[:2]
