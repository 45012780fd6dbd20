"""What an array of cells holds and what is seen of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray, aligned_zeros
from archsim.analog.devices.ageing import Ageing, Mask
from archsim.analog.devices.population import W_MAX, W_MIN, Population
from archsim.analog.observed import Counts

__all__ = ["PersistentCells"]


class PersistentCells:
    """Cells with the weights that they hold (`held`) and the weights that are seen (`weights`).

    Both are one array unless there is write noise: then a cell is seen with a deviation that is drawn anew whenever the
    cell is written.

    Parameters
    ----------
    outputs, inputs : int
        Size of the array.
    population : Population
        Its cells.
    identity, noise_seed : int
        Which array of the run this is, and the seed of all noise.
    """

    def __init__(self, outputs: int, inputs: int, population: Population, identity: int, noise_seed: int) -> None:
        self.population = population
        self.granularity = population.granularity
        self.weights: FloatArray = aligned_zeros(outputs, inputs)
        self.persistent: FloatArray = aligned_zeros(outputs, inputs) if population.write_noise > 0.0 else self.weights
        self._ageing = Ageing(population, identity, noise_seed)
        #: How often cells were reset, and how often they were seen anew.
        self._times: NDArray[np.int64] = np.zeros(2, np.int64)
        np.clip(self.persistent, *self._bounds(), out=self.persistent)
        self.weights[...] = self.persistent

    def program(self, weights: FloatArray) -> None:
        """Write a matrix exactly, clipped to each cell's bounds; with write noise it is seen with that."""
        np.clip(weights, *self._bounds(), out=self.persistent)
        self._see_anew()

    def age(self, index: int) -> Counts:
        """Let a mini-batch pass: diffusion, decay and drift, where the device has them.

        Parameters
        ----------
        index : int
            Which mini-batch of the run has ended.

        Returns
        -------
        Counts
            Nothing: this costs no operation.
        """
        if self._ageing.happens:
            self._ageing.pass_mini_batch(self.persistent.reshape(-1), index)
            self._see_anew()
        return Counts()

    def reset(self, cells: Mask) -> None:
        """Reset some cells, bool [outputs, inputs]."""
        self._ageing.reset(self.persistent.reshape(-1), cells.reshape(-1), int(self._times[0]))
        self._times[0] += 1
        self._see_anew(cells)

    def saturated(self) -> float:
        """Return the fraction of cells that hold one of their bounds."""
        if not self.weights.size:
            return 0.0
        low, high = self._bounds()
        return float(np.mean((self.persistent <= low) | (self.persistent >= high)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays themselves that hold what was drawn or changes, by name."""
        persistent = {"persistent": self.persistent} if self.persistent is not self.weights else {}
        return {
            "weights": self.weights,
            "cells": self.population.cells,
            "times": self._times,
            **persistent,
            **self._ageing.arrays(),
        }

    def _see_anew(self, cells: Mask | None = None) -> None:
        """Draw the write noise of some cells, or of all."""
        if self.persistent is self.weights:
            return
        seen = self._ageing.seen(self.persistent.reshape(-1), int(self._times[1])).reshape(self.weights.shape)
        np.copyto(self.weights, seen, where=True if cells is None else cells)
        self._times[1] += 1

    def _bounds(self) -> tuple[FloatArray, FloatArray]:
        cells = self.population.cells
        return cells[:, W_MIN].reshape(self.weights.shape), cells[:, W_MAX].reshape(self.weights.shape)
