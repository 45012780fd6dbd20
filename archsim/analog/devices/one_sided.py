"""Pairs of devices that only take up pulses, and their refresh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import REFRESH
from archsim.analog.blocks import BLOCK_VECTORS, FloatArray, ranges
from archsim.analog.devices.ageing import Mask
from archsim.analog.devices.cell_arrays import CellArrays, make_parts
from archsim.analog.devices.device_array import Site
from archsim.analog.devices.population import W_MAX
from archsim.analog.devices.pulsed import PulsedArray
from archsim.analog.observed import Counts
from archsim.analog.specification import OneSided

__all__ = ["OneSidedArray"]

#: The vectors that a refresh writes are counted from here, above all vectors of a run.
_REFRESH_VECTORS = 2**43


class OneSidedArray(CellArrays):
    """Pairs whose difference is the weight: a pulse that asks for up goes up on the first device, else on the second.

    Both get the same trains. A refresh (aihwkit ``OneSidedUnitCell``) reads all cells of both arrays. A pair whose
    larger device reads more than `refresh_upper_thres`, and whose smaller one more than `refresh_lower_thres`, of the
    mean upper bound is reset, and the difference that was read is written to the device that was larger, by the pulse
    trains of transfers, one input line after the other.

    Parameters
    ----------
    settings : OneSided
        The device, and when pairs are refreshed.
    site : Site
        Where the array stands; it takes two identities.
    """

    def __init__(self, settings: OneSided, site: Site) -> None:
        parts = make_parts((settings.device, settings.device), site)
        self.granularity = parts[0].granularity
        parts[1].share_lines(site.identity, self.granularity)
        self._settings = settings
        self._site = site
        self._refreshes: NDArray[np.int64] = np.zeros(1, np.int64)
        super().__init__(parts, (1.0, -1.0))

    def program(self, weights: FloatArray) -> None:
        """Write a matrix: its positive part into the first array, its negative part into the second."""
        self.parts[0].program(np.maximum(weights, np.float32(0.0)))
        self.parts[1].program(np.maximum(-weights, np.float32(0.0)))
        self._sum_up()

    def update(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Send the trains of a block of vectors, and refresh where that is due after a number of vectors."""
        every = 0 if self._settings.units_in_mbatch else self._settings.refresh_every
        total, begin = Counts(), 0
        while begin < len(x):
            end = min(len(x), begin + every - (first_vector + begin) % every) if every else len(x)
            total += self._send(x[begin:end], d[begin:end], learning_rate, first_vector + begin)
            if every and (first_vector + end) % every == 0:
                total += self.refresh()
            begin = end
        return total

    def _send(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        up = self.parts[0].update(x, d, learning_rate, first_vector, direction="up")
        down = self.parts[1].update(x, d, learning_rate, first_vector, direction="down-as-up")
        return self._after(up, (up, down))

    def write(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        """Send the pulse trains of transfers."""
        up = self.parts[0].write(x, d, learning_rate, first_vector, direction="up")
        down = self.parts[1].write(x, d, learning_rate, first_vector, direction="down-as-up")
        return self._after(up, (up, down))

    def pulse(self, rows: NDArray[Any], counts: NDArray[Any], first_vector: int) -> Counts:
        """Send exact numbers of pulses: positive ones to the first array, negative ones to the second."""
        up = self.parts[0].pulse(rows, np.maximum(counts, 0), first_vector)
        down = self.parts[1].pulse(rows, np.maximum(-counts, 0), first_vector)
        slots = int(np.abs(counts).max(axis=1, initial=0).sum())
        return self._after(Counts(slots=slots), (up, down))

    def age(self, index: int) -> Counts:
        """Let a mini-batch pass in both arrays, and refresh where that is due after a number of mini-batches."""
        done = super().age(index)
        every = self._settings.refresh_every if self._settings.units_in_mbatch else 0
        return done + self.refresh() if every and (index + 1) % every == 0 else done

    def refresh(self) -> Counts:
        """Read all pairs, and write those anew whose devices have both come far.

        Returns
        -------
        Counts
            The reads, and the slots and pulses that wrote.
        """
        (plus, reads), (minus, others) = (self._read(index) for index in (0, 1))
        due = self._due(plus, minus)
        # Each array is read by itself: lines of one device.
        total = Counts(transfer_reads=reads + others, devices_read=reads + others)
        if due.any():
            for part in self.parts:
                part.reset(due)
            for part, difference in zip(self.parts, (plus - minus, minus - plus), strict=True):
                total += self._rewrite(part, np.where(due, np.maximum(difference, 0.0), 0.0))
        self._refreshes += 1
        self._sum_up()
        return total

    def _due(self, plus: FloatArray, minus: FloatArray) -> Mask:
        upper, lower = self._settings.refresh_upper_thres, self._settings.refresh_lower_thres
        bounds = [float(np.mean(part.population.cells[:, W_MAX])) if plus.size else 1.0 for part in self.parts]
        p, m = plus / bounds[0], minus / bounds[1]
        due: Mask = np.where(plus > minus, (p > upper) & (m > lower), (p > lower) & (m > upper))
        return due

    def _read(self, index: int) -> tuple[FloatArray, int]:
        """Read every cell of one array through the chain for transfers, one input line after the other.

        Returns
        -------
        float32 [outputs, inputs], int
            What was read, and the reads of lines that it took.
        """
        inputs = self._site.inputs
        first = (int(self._refreshes[0]) * len(self.parts) + index) * inputs
        values, reads = [np.zeros((0, self._site.outputs), np.float32)], 0
        for begin, end in ranges(inputs, BLOCK_VECTORS):
            lines = np.eye(end - begin, inputs, begin, np.float32)
            read = self._site.chain.read(self.parts[index].weights, lines, REFRESH, first + begin)
            values.append(read.values)
            reads += read.reads
        return np.concatenate(values).T, reads

    def _rewrite(self, part: PulsedArray, wanted: FloatArray) -> Counts:
        """Write what is wanted of some cells with pulses, on those input lines where anything is wanted."""
        rows = np.flatnonzero(wanted.any(axis=0))
        lines = np.zeros((len(rows), self._site.inputs), np.float32)
        lines[np.arange(len(rows)), rows] = 1.0
        errors = np.ascontiguousarray(wanted[:, rows].T, np.float32)
        first = _REFRESH_VECTORS + int(self._refreshes[0]) * self._site.inputs
        done = part.write(lines, errors, -1.0, first)
        count = len(rows)
        return Counts(pulses=done.pulses, input_writes=count, devices_written=count, transfer_slots=done.slots)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of both parts, the weights, and how often pairs were refreshed."""
        return {**super().arrays(), "refreshes": self._refreshes}
