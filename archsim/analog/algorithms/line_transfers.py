"""Arrays one behind the other, each of which is read line by line and moved into the next."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.analog.algorithms.inputs import checked
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.operation_counts import write_counts
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.blocks import FloatArray
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Counts

__all__ = ["LineTransfers", "for_each", "transfer_intervals"]

Number = TypeVar("Number", int, float)


def for_each(given: Number | Sequence[Number], sources: int) -> tuple[Number, ...]:
    """Return a setting of each array that is read: one number for all of them, or a list."""
    return tuple(given) if isinstance(given, Sequence) else (given,) * sources


def transfer_intervals(
    transfer_every: float | Sequence[float], mini_batch: int | None, lines: int, reads: Sequence[int]
) -> tuple[int, ...]:
    """Return after how many vectors each array is read, 0 for never.

    With a single number, each array waits as long as one pass over the lines of the array before takes (aihwkit
    ``TransferCompound``, whose ``transfer_every_vec`` has the list).

    Parameters
    ----------
    transfer_every : float or sequence of float
        Interval of the first array, or of each, in vectors or mini-batches.
    mini_batch : int or None
        Vectors of a mini-batch, if that is the unit.
    lines : int
        Lines of an array.
    reads : sequence of int
        How many are read at a time, of each array that is read.
    """
    if isinstance(transfer_every, Sequence):
        intervals = list(transfer_every)
    else:
        intervals = [transfer_every * math.prod(lines / r for r in reads[:j]) for j in range(len(reads))]
    if mini_batch is None:
        return tuple(round(interval) for interval in intervals)
    return tuple(math.ceil(interval * mini_batch) for interval in intervals)


class LineTransfers(JointArrays):
    """Gradients go to the first array; every so many vectors, lines of an array are moved into the next.

    Lines are input lines (rows of the crossbar), read by a one-hot vector each, in order and around, or from a random
    one on.

    Parameters
    ----------
    crossbars : sequence of Crossbar
        From the one that takes gradients to the one that holds the weights.
    gamma : float
        Weight of each crossbar relative to the next in what reads see.
    intervals : sequence of int
        After how many vectors each crossbar but the last is read; 0 for never.
    reads : sequence of int
        Lines at a time, of each crossbar but the last.
    selection : Uniforms, optional
        Picks the first line of each transfer; in order without it.
    """

    def __init__(
        self,
        crossbars: Sequence[Crossbar],
        gamma: float,
        intervals: Sequence[int],
        reads: Sequence[int],
        selection: Uniforms | None = None,
    ) -> None:
        super().__init__(crossbars, gamma)
        self._inputs, self._outputs = self._last.inputs, self._last.outputs
        self._intervals = tuple(intervals)
        self._reads = tuple(min(count, self._inputs) for count in reads)
        self._selection = selection
        self._vectors = np.zeros(1, np.int64)
        self._transfers = np.zeros(len(self._intervals), np.int64)
        self._next_line = np.zeros(len(self._intervals), np.int64)

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, with all transfers that become due meanwhile."""
        x_block, d_block = checked(x, d, learning_rate, self._inputs, self._outputs)
        work, begin = Counts(), 0
        while begin < len(x_block):
            end = min(len(x_block), begin + self._until_due())
            work += self._apply(x_block[begin:end], d_block[begin:end], learning_rate, first_vector + begin)
            work += self.transfer(learning_rate)
            begin = end
        return work

    def apply_gradients(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, in the first array alone."""
        return self._apply(*checked(x, d, learning_rate, self._inputs, self._outputs), learning_rate, first_vector)

    @property
    def due(self) -> int:
        """How many transfers have fallen due and have not been done."""
        passed = int(self._vectors[0])
        return sum(passed // interval for interval in self._intervals if interval) - int(self._transfers.sum())

    def transfer(self, learning_rate: float) -> Counts:
        """Do the transfers that are due, out of one array after the other."""
        self._stale = True
        work, passed = Counts(), int(self._vectors[0])
        for source, interval in enumerate(self._intervals):
            while interval and int(self._transfers[source]) < passed // interval:
                work += self._transfer(source, learning_rate)
        return work

    def _until_due(self) -> int:
        """Return after how many more vectors the next transfers fall due."""
        passed = int(self._vectors[0])
        return min((interval - passed % interval for interval in self._intervals if interval), default=2**62)

    def _apply(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        self._stale = True
        done = self._crossbars[0].update(x, d, self._fast_rate(learning_rate), first_vector)
        self._vectors[0] += len(x)
        return done

    def _transfer(self, source: int, learning_rate: float) -> Counts:
        number = int(self._transfers[source])
        first = int(self._next_line[source])
        if self._selection is not None:
            sources = len(self._intervals)
            first = min(int(self._selection.at(number * sources + source) * self._inputs), self._inputs - 1)
        count = self._reads[source]
        lines = [line % self._inputs for line in range(first, first + count)]
        self._transfers[source] += 1
        self._next_line[source] = (first + count) % self._inputs
        rate = self._transfer_rate(learning_rate, source)
        if rate == 0.0:
            return Counts()
        hot = np.zeros((count, self._inputs), np.float32)
        for read_line, line in zip(hot, lines, strict=True):
            read_line[line] = 1.0
        # Reads and writes are numbered through: each has random numbers of its own.
        read = self._crossbars[source].transfer(hot, number * count)
        work = self._move(source, lines, hot, read.values, rate, number * count)
        work.transfer_reads += read.reads
        work.devices_read += read.reads * self._crossbars[source].devices_read
        return work

    @abstractmethod
    def _fast_rate(self, learning_rate: float) -> float:
        """Return the learning rate of the first array."""

    @abstractmethod
    def _transfer_rate(self, learning_rate: float, source: int) -> float:
        """Return the learning rate of transfers out of an array."""

    @abstractmethod
    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        """Move what was read into the array behind `source`, and return what that took.

        Parameters
        ----------
        source : int
            Array that was read.
        lines : list of int
            Input lines that were read.
        hot : float32 [reads, inputs]
            One-hot vectors of them.
        values : float32 [reads, outputs]
            What was read.
        rate : float
            Learning rate of transfers.
        first : int
            Number of the first of these reads.
        """

    def _pulse_in_proportion(self, source: int, hot: FloatArray, values: FloatArray, rate: float, first: int) -> Counts:
        """Move by pulses in proportion to the values."""
        target = self._crossbars[source + 1]
        done = target.write(hot, values, -rate, first)
        work = write_counts(done, target.devices_written, len(hot), 0)
        work.digital_operations += len(hot) * (self._inputs + self._outputs)
        return work

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {"vectors": self._vectors, "transfers": self._transfers, "next_line": self._next_line}
