"""Several devices for each cell: their mean or weighted sum is the weight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import CHOICE, kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.devices.cell_arrays import CellArrays, make_parts
from archsim.analog.devices.device_array import Site
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.observed import Counts
from archsim.analog.specification import ReferenceCell, Vector

__all__ = ["ReferenceArray", "VectorArray"]


class VectorArray(CellArrays):
    """Arrays that share their lines, and take every update or take turns.

    The granularity that pulse trains are made for is the mean of the devices'. Where one device of n takes an update
    and the weight is their mean, the weight changes by 1 / n of what was asked for (aihwkit ``VectorUnitCell``).

    Parameters
    ----------
    settings : Vector
        The devices, who takes updates, and how much each counts.
    site : Site
        Where the array stands; it takes one identity for each device.
    """

    def __init__(self, settings: Vector, site: Site) -> None:
        parts = make_parts(settings.devices, site)
        count = len(parts)
        self.granularity = float(np.mean([part.granularity for part in parts]))
        for part in parts:
            part.share_lines(site.identity, self.granularity)
        self._settings = settings
        self._site = site
        super().__init__(parts, settings.gamma_vec or (1.0 / count,) * count)

    def program(self, weights: FloatArray) -> None:
        """Write a matrix: the smallest weights of the devices whose sum it is, within each cell's bounds."""
        norm = sum(factor**2 for factor in self.factors)
        for part, factor in zip(self.parts, self.factors, strict=True):
            part.program(np.float32(factor / norm) * weights)
        self._sum_up()

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Send the trains of a block of vectors to those devices whose turn it is."""
        turns = self._turns(len(x), first_vector, attempt=0)
        done = [
            part.update(_only(x, turns, index), d, learning_rate, first_vector) for index, part in self._taking(turns)
        ]
        return self._after(_shared(done, turns), done)

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does, with the pulse trains of transfers."""
        turns = self._turns(len(x), first_vector, attempt=1)
        done = [
            part.write(_only(x, turns, index), d, learning_rate, first_vector) for index, part in self._taking(turns)
        ]
        return self._after(_shared(done, turns), done)

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Send exact numbers of pulses to those devices whose turn it is."""
        turns = self._turns(len(rows), first_vector, attempt=2)
        done = [part.pulse(rows, _only(counts, turns, index), first_vector) for index, part in self._taking(turns)]
        return self._after(_shared(done, turns), done)

    def _turns(self, vectors: int, first_vector: int, attempt: int) -> NDArray[np.int64] | None:
        """Return which device takes each vector; None where all do."""
        policy, count = self._settings.update_policy, len(self.parts)
        if policy == "all":
            return None
        if policy == "single-fixed":
            return np.full(vectors, self._settings.first_update_idx)
        index = np.arange(first_vector, first_vector + vectors)
        if policy == "single-sequential":
            return (index + self._settings.first_update_idx) % count
        counters = np.empty((vectors, 4), np.uint32)
        counters[:, 0] = 0
        counters[:, 1] = attempt << 16 | CHOICE << 24
        counters[:, 2] = index & 0xFFFFFFFF
        counters[:, 3] = index >> 32 & 0xFFF | self._site.identity << 12
        kernels.philox(counters, self._site.noise_seed)
        return counters[:, 0].astype(np.int64) * count >> 32

    def _taking(self, turns: NDArray[np.int64] | None) -> list[tuple[int, PulsedArray]]:
        """Return the arrays that take anything, with their positions."""
        return [(index, part) for index, part in enumerate(self.parts) if turns is None or (turns == index).any()]


class ReferenceArray(CellArrays):
    """Two arrays whose difference is the weight; updates go to the first one only (aihwkit ``ReferenceUnitCell``).

    Parameters
    ----------
    settings : ReferenceCell
        The two devices.
    site : Site
        Where the array stands; it takes two identities.
    """

    def __init__(self, settings: ReferenceCell, site: Site) -> None:
        parts = make_parts((settings.device, settings.reference), site)
        self.granularity = parts[0].granularity
        super().__init__(parts, (1.0, -1.0))

    def program(self, weights: FloatArray) -> None:
        """Write a matrix into the first array, above what the reference holds, within each cell's bounds."""
        self.parts[0].program(weights + self.parts[1].weights)
        self._sum_up()

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Send the trains of a block of vectors to the first array."""
        done = self.parts[0].update(x, d, learning_rate, first_vector)
        return self._after(done, [done])

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does, with the pulse trains of transfers."""
        done = self.parts[0].write(x, d, learning_rate, first_vector)
        return self._after(done, [done])

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Send exact numbers of pulses to the first array."""
        done = self.parts[0].pulse(rows, counts, first_vector)
        return self._after(done, [done])


def _only(counts: NDArray[Any], turns: NDArray[np.int64] | None, index: int) -> NDArray[Any]:
    """Return counts with zeros for every vector that another device takes: it has no pulses then."""
    if turns is None:
        return counts
    return np.where((turns == index)[:, None], counts, counts.dtype.type(0))


def _shared(done: Sequence[Counts], turns: NDArray[np.int64] | None) -> Counts:
    """Return the trains on the lines: the same ones for all devices, or one after the other."""
    if turns is None and done:
        return done[0]
    return Counts(slots=sum(update.slots for update in done))
