"""Updates of one array and transfers of its lines into another in one call of the core for a block of vectors.

A transfer of a line costs the core about as much as a call of it; small arrays, such as those of convolutions, have one
for each of thousands of vectors. `archsim.analog.algorithms.chopped_arrays` does the same with the operations of
crossbars, pass after pass, for all arrays and with the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim._core import TRANSFER, kernels
from archsim.analog.blocks import FloatArray, NotFiniteError
from archsim.analog.crossbar import Crossbar
from archsim.analog.devices.pulsed import BLOCK_COLUMNS, PulsedArray
from archsim.analog.observed import Counts
from archsim.analog.samples import sampled_parts

__all__ = ["LineMoves", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block of vectors stands in the run.

    Attributes
    ----------
    first_vector : int
        Index of its first vector.
    interval : int
        Vectors between two reads, 0 for none.
    vectors, reads : int
        Vectors that were applied and reads that fell due before.
    """

    first_vector: int
    interval: int
    vectors: int
    reads: int

    def due(self, total: int) -> int:
        """Return how many reads become due within so many vectors."""
        return (self.vectors % self.interval + total) // self.interval if self.interval else 0


class LineMoves:
    """Two arrays of pulsed cells with a buffer between them.

    Parameters
    ----------
    fast, last : Crossbar
        The array that takes gradients, and the one that is written.
    arrays : tuple of PulsedArray
        Theirs.
    moves : kernels.LineMoves
        Both, for the core.
    write_rate : float
        Learning rate of the writes, whose errors are pulses.
    """

    def __init__(
        self,
        fast: Crossbar,
        last: Crossbar,
        arrays: tuple[PulsedArray, PulsedArray],
        moves: kernels.LineMoves,
        write_rate: float,
    ) -> None:
        self._fast, self._last, self._moves = fast, last, moves
        self._trains, self._write_trains = arrays[0].trains, arrays[1].write_trains
        self._write_rate = write_rate

    @classmethod
    def between(cls, fast: Crossbar, last: Crossbar, buffer: kernels.LineBuffer, write_rate: float) -> LineMoves | None:
        """Return what moves lines from one array into another; None where the core cannot, or threads may share it."""
        arrays = fast.pulsed, last.pulsed
        if arrays[0] is None or arrays[1] is None or (fast.threads > 1 and fast.outputs > BLOCK_COLUMNS):
            return None
        updates, writes = arrays[0].compiled("updates"), arrays[1].compiled("writes")
        converters = fast.transfers.compiled
        if updates is None or writes is None or converters is None:
            return None
        moves = kernels.LineMoves(updates, writes, converters, buffer, TRANSFER, write_rate)
        return cls(fast, last, (arrays[0], arrays[1]), moves, write_rate)

    def update(
        self,
        x: FloatArray,
        d: FloatArray,
        place: Place,
        factors: NDArray[np.float64] | None,
        turning: NDArray[np.bool_],
    ) -> Counts:
        """Apply a block of vectors with all transfers that become due meanwhile.

        Parameters
        ----------
        x, d : float32 [V, inputs] and [V, outputs]
            Inputs and errors that bring their learning rates with them. Inputs get the signs of their lines in place.
        place : Place
            Where the block stands.
        factors : float64 [V] or None
            What a read after each vector is multiplied with; None where nothing is moved.
        turning : bool [R]
            Whether the line of each read that becomes due has its sign turned after it.

        Returns
        -------
        Counts
            What it took, but for the digital work.
        """
        shape = len(turning), self._fast.outputs
        values, counts = np.empty(shape, np.float32), np.empty(shape, np.float32)
        at = place.first_vector, place.interval, place.vectors, place.reads
        try:
            slots, pulses, reads, lines, write_slots, write_pulses = self._moves.update(
                x, d, *at, factors, turning.view(np.uint8), values, counts
            )
        except ValueError as error:
            raise NotFiniteError("x, d or the learning rate of an update") from error
        self._count_vectors(place, x, d)
        if factors is not None:
            self._count_reads(place, values, counts)
        return Counts(
            slots=slots,
            pulses=pulses + write_pulses,
            transfer_reads=reads,
            input_writes=lines,
            devices_read=reads * self._fast.devices_read,
            devices_written=lines * self._last.devices_written,
            transfer_slots=write_slots,
        )

    def _count_vectors(self, place: Place, x: FloatArray, d: FloatArray) -> None:
        """Look at a sample of the updates' trains: as if each pass over the lines had been an update."""
        inputs, interval = self._fast.inputs, place.interval
        first = (inputs - place.reads % inputs) * interval - place.vectors % interval if interval else len(x)
        begins = np.array([0, *range(first, len(x), inputs * interval or 1)])
        some, parts = sampled_parts(place.first_vector, len(x), begins)
        if len(parts):
            self._trains.count(x[some], d[some], 1.0, parts)

    def _count_reads(self, place: Place, values: FloatArray, counts: FloatArray) -> None:
        """Look at a sample of what was read and written, in passes, too."""
        inputs, total = self._fast.inputs, len(values)
        begins = np.array([0, *range(inputs - place.reads % inputs, total, inputs)])
        some, parts = sampled_parts(place.reads, total, begins)
        if len(parts):
            lines = (place.reads + np.arange(total)[some]) % inputs
            hot = (lines[:, None] == np.arange(inputs)).astype(np.float32)
            self._fast.transfers.count(hot, values[some])
            self._write_trains.count(hot, counts[some], self._write_rate, parts)
