"""Two arrays, a digital buffer between them, and signs that turn: what c-TTv2 and AGAD have in common."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import CHOP, kernels
from archsim.analog.algorithms.auto_scale import FastRate
from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.expectations import expected_transfers, single_slots, states_of
from archsim.analog.algorithms.inputs import checked, granularity_of
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.line_moves import LineMoves, Place
from archsim.analog.algorithms.operation_counts import write_counts
from archsim.analog.algorithms.protocol import FAST_ARRAY, TileOutline, TileSite
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.blocks import FloatArray, one_hot
from archsim.analog.observed import Counts, ExpectedUpdate, Read
from archsim.analog.specification import Device
from archsim.analog.specification.algorithms import ChoppedTransferSettings, DynamicTransferSettings

__all__ = ["ChoppedArrays", "expected_chopped", "vectors_between"]


def vectors_between(
    settings: ChoppedTransferSettings | DynamicTransferSettings, mini_batch: int, inputs: int, device: Device
) -> int:
    """Return the vectors between two transfers, 0 for none.

    Parameters
    ----------
    settings : ChoppedTransferSettings or DynamicTransferSettings
        A negative ``transfer_every`` spaces them by the number of states of the first array's device.
    mini_batch, inputs : int
        Vectors of a mini-batch, and lines.
    device : Device
        The first array's device.
    """
    every = settings.transfer_every
    if every < 0.0:
        return max(1, round(states_of(device) / inputs * -every))
    return math.ceil(every * mini_batch) if settings.units_in_mbatch else round(every)


def expected_chopped(
    settings: ChoppedTransferSettings | DynamicTransferSettings,
    tile: TileOutline,
    operations: int,
    bits: int,
    idle_passes: int = 0,
) -> ExpectedUpdate:
    """Return what an update takes on average, with so many operations and bits for each cell that is read.

    In so many passes over the lines at the beginning nothing is written.
    """
    interval = vectors_between(settings, tile.mini_batch, tile.inputs, settings.fast_device or tile.device)
    moves = [(interval if settings.transfer_lr else 0, _lines_at_a_time(settings, tile.inputs))]
    slots = single_slots(settings.transfer_update)
    cells = tile.outputs
    return expected_transfers(settings, tile, moves, slots, operations * cells, bits * cells, idle_passes)


def _lines_at_a_time(settings: ChoppedTransferSettings | DynamicTransferSettings, inputs: int) -> int:
    return min(settings.n_reads_per_transfer, inputs)


@dataclass(frozen=True, slots=True)
class _Scaled:
    """A block of vectors: inputs and errors that bring their learning rates with them, these rates, and gains.

    Attributes
    ----------
    x, d : float32 [V, inputs] and [V, outputs]
        Inputs and errors.
    rates, gains : float64 [V]
        Learning rates of the first array, and what transfers are multiplied by.
    """

    x: FloatArray
    d: FloatArray
    rates: NDArray[np.float64]
    gains: NDArray[np.float64]


class ChoppedArrays(JointArrays):
    """Two arrays, a digital buffer, and a sign (chopper) for each input line, which turns after some of its reads.

    Gradients enter the first array with the signs of their lines: A <- A - lr_A d (c x)^T. Every ``transfer_every``
    vectors the next ``n_reads_per_transfer`` input lines are read, and the signs are taken out again. All signs are +
    at first. The state holds the buffer by input line.
    """

    def __init__(
        self,
        settings: ChoppedTransferSettings | DynamicTransferSettings,
        tile: TileSite,
        release: Release,
        operations: int,
        bits: int,
    ) -> None:
        moves = settings.transfer_io, settings.transfer_update
        fast = tile.make_crossbar(0, settings.fast_device, settings.update, *moves)
        super().__init__([fast, tile.make_crossbar(1, None, None, *moves)], settings.gamma)
        self._settings = settings
        self._fast = fast
        self._inputs, self._outputs = tile.inputs, tile.outputs
        self._step = granularity_of(self._last)
        self._write_rate = -settings.step * self._step
        self._interval = vectors_between(settings, tile.mini_batch, tile.inputs, fast.device)
        self._at_a_time = _lines_at_a_time(settings, tile.inputs)
        self._buffer_granularity = self._granularity(settings, granularity_of(fast))
        self._period = max(math.ceil(1.0 / settings.in_chop_prob), 2) if settings.in_chop_prob else 0
        self._release = release
        #: Of each cell of a line that is read.
        self._operations, self._bits = operations, bits
        self._uniforms = Uniforms(tile.seed, tile.identity, CHOP)
        reach = fast.update_parameters.desired_bl * granularity_of(fast) if settings.auto_scale else 0.0
        rate = (1.0 - settings.auto_momentum) / tile.mini_batch
        self._fast_rates = FastRate(settings.fast_lr, settings.scale_fast_lr, reach, rate)
        self._vectors = np.zeros(1, np.int64)
        self._reads = np.zeros(1, np.int64)
        self._maxima = np.zeros(2)
        #: Learning rate and gain of the last vector, which a transfer after it needs.
        self._last_rates = np.zeros(2)
        self._output_scale: FloatArray | None = None
        self._weight_maxima = np.zeros(2)
        self._hidden = np.zeros((tile.inputs, tile.outputs), np.float32)
        self._in_signs = np.ones(tile.inputs, np.float32)
        self._moves: LineMoves | None = None
        self._looked = False

    @staticmethod
    def accumulator(settings: ChoppedTransferSettings | DynamicTransferSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return None if settings.gamma else FAST_ARRAY

    @staticmethod
    def arrays(settings: ChoppedTransferSettings | DynamicTransferSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 2

    def set_output_scale(self, scale: FloatArray) -> None:
        """Learn of the mapping scale: errors that are normalised lose it; see `_gains`."""
        self._output_scale = scale

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, with all transfers that become due meanwhile."""
        if self._at_a_time > 1:
            return self._in_turn(x, d, learning_rate, first_vector)
        block, rate = self._scaled(x, d, learning_rate), self._transfer_rate(learning_rate)
        moves = self._line_moves()
        if moves is not None and block.x.size and block.d.size:
            return self._move_all(moves, block, rate, first_vector)
        work, begin = Counts(), 0
        while begin < len(block.x):
            done, begin = self._advance(block, begin, rate, first_vector)
            work += done
        return work

    def apply_gradients(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector, in the first array alone."""
        block = self._scaled(x, d, learning_rate)
        done = self._fast.update(block.x * self._in_signs, self._chopped(block.d), 1.0, first_vector)
        self._vectors[0] += len(block.x)
        return done

    @property
    def due(self) -> int:
        """How many transfers have fallen due and have not been done."""
        done = int(self._reads[0]) // self._at_a_time
        return int(self._vectors[0]) // self._interval - done if self._interval else 0

    def transfer(self, learning_rate: float) -> Counts:
        """Do the transfers that are due, line after line, with the rate of the last vector."""
        self._stale = True
        work, rate = Counts(), self._transfer_rate(learning_rate)
        factors = self._buffer_rate(rate, self._last_rates[:1]) * self._last_rates[1:] if rate else None
        left = self.due * self._at_a_time
        while left:
            number = int(self._reads[0])
            passes, first = divmod(number, self._inputs)
            # Within a pass no line is read twice, so all its reads may come before its writes.
            count = min(left, self._inputs - first)
            left -= count
            self._reads[0] += count
            if factors is None:
                continue
            lines = slice(first, first + count)
            turning = self._turning(lines, number)
            read = self._fast.transfer(one_hot(first, count, self._inputs), number)
            work += self._move(lines, number, read, factors)
            self._end_reads(lines, passes, turning)
        return work

    def _in_turn(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Do as `update` does where several lines are read at a time: gradients up to a transfer, then the transfer."""
        x_block, d_block = checked(x, d, learning_rate, self._inputs, self._outputs)
        work, begin, interval = Counts(), 0, self._interval
        while begin < len(x_block):
            wait = interval - int(self._vectors[0]) % interval if interval else len(x_block)
            end = min(begin + wait, len(x_block))
            work += self.apply_gradients(x_block[begin:end], d_block[begin:end], learning_rate, first_vector + begin)
            work += self.transfer(learning_rate)
            begin = end
        return work

    def _advance(self, block: _Scaled, begin: int, rate: float, first_vector: int) -> tuple[Counts, int]:
        """Apply vectors from `begin` to the end of the block, or of a pass over the lines; return where that is.

        Signs follow from the number of a read alone, and within a pass no line is read twice. So the vectors are
        applied together, and their reads, the buffer's and the writes are done together as well. The inputs that are
        applied get the signs of their lines in place.
        """
        number = int(self._reads[0])
        passes, first = divmod(number, self._inputs)
        left, interval = self._inputs - first, self._interval
        wait = interval - int(self._vectors[0]) % interval if interval else 0
        due = range(begin + wait, len(block.x) + 1, interval)[:left] if interval else range(0)
        end = due[-1] if len(due) == left else len(block.x)
        self._vectors[0] += end - begin
        self._reads[0] += len(due)
        if rate == 0.0:
            due = range(0)
        lines = slice(first, first + len(due))
        turning = self._turning(lines, number)
        chopped = block.x[begin:end]
        chopped *= self._in_signs
        for line in turning:
            chopped[due[line - first] - begin :, line] *= -1.0
        read_after = [after - begin for after in due]
        fast, errors = self._fast, self._chopped(block.d[begin:end])
        work, read = fast.update_and_transfer(chopped, errors, 1.0, first_vector + begin, first, read_after, number)
        if due:
            read_at = slice(due.start - 1, due.stop - 1, interval)
            factors = self._buffer_rate(rate, block.rates[read_at]) * block.gains[read_at]
            work += self._move(lines, number, read, factors)
            self._end_reads(lines, passes, turning)
        return work, end

    def _line_moves(self) -> LineMoves | None:
        """Return what does all of this in the core; None where it cannot."""
        if not self._looked:
            self._looked, buffer = True, self._buffer()
            if buffer is not None:
                self._moves = LineMoves.between(self._fast, self._last, buffer, self._write_rate)
        return self._moves

    def _move_all(self, moves: LineMoves, block: _Scaled, rate: float, first_vector: int) -> Counts:
        """Do as `_advance` does until the block is done, in the core."""
        place = Place(first_vector, self._interval, int(self._vectors[0]), int(self._reads[0]))
        due = place.due(len(block.x))
        turning = self._turns(place.reads, due)
        factors = None if rate == 0.0 else self._buffer_rate(rate, block.rates) * block.gains
        work = moves.update(block.x, block.d, place, factors, turning)
        self._vectors[0] += len(block.x)
        self._reads[0] += due
        cells = due * self._outputs if rate != 0.0 else 0
        work.digital_operations, work.memory_bits = self._operations * cells, self._bits * cells
        return work

    def _move(self, lines: slice, number: int, read: Read, factors: NDArray[np.float64]) -> Counts:
        """Move what was read of lines, times factors, into the buffer, and what that lets go into the second array."""
        signed = np.asarray(factors, np.float32) * self._in_signs[lines]
        counts, written = self._accumulate(lines, number // self._inputs, read.values, signed[:, None])
        total = lines.stop - lines.start
        work = Counts(
            transfer_reads=read.reads,
            devices_read=read.reads * self._fast.devices_read,
            digital_operations=self._operations * total * self._outputs,
            memory_bits=self._bits * total * self._outputs,
        )
        if written:
            hot = one_hot(lines.start, total, self._inputs)
            done = self._last.write(hot, counts, self._write_rate, number)
            work += write_counts(done, self._last.devices_written, written)
        work += write_counts(None, 0, total - written)
        return work

    def _end_reads(self, lines: slice, passes: int, turning: list[int]) -> None:
        """Turn the signs that turn after the reads of lines, and after a pass over all of them."""
        if turning:
            self._turn(turning)
        if lines.stop == self._inputs:
            self._end_pass(passes)

    def _scaled(self, x: ArrayLike, d: ArrayLike, learning_rate: float) -> _Scaled:
        """Return a block whose vectors bring their learning rates with them.

        Each vector has a rate of its own: half of it goes into either side, which changes no probability of a pulse.
        """
        x_block, d_block = checked(x, d, learning_rate, self._inputs, self._outputs)
        self._stale = True
        rates = self._fast_rates(x_block, d_block, learning_rate, self._maxima)
        gains = self._gains(x_block, d_block, learning_rate, rates)
        if len(rates):
            self._last_rates[:] = rates[-1], gains[-1]
        roots = np.sqrt(rates).astype(np.float32)[:, None]
        return _Scaled(x_block * roots, d_block * roots, rates, gains)

    def _transfer_rate(self, learning_rate: float) -> float:
        settings = self._settings
        return settings.transfer_lr * learning_rate if settings.scale_transfer_lr else settings.transfer_lr

    def _gains(
        self, x: FloatArray, d: FloatArray, learning_rate: float, rates: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return by what each vector's transfers are multiplied where a mapping scale m stands behind the array [V].

        ``auto_scale`` divides errors d by max|d|, so that a step does not depend on the unit of d; it is one of m in
        the weights. The factor max|d| / max|m d| makes it what it is without a mapping scale. Where the buffer's rate
        divides by the fast rate (``correct_gradient_magnitudes``), nothing was lost.
        """
        scale = self._output_scale
        if scale is None or not self._fast_rates.reach or self._settings.correct_gradient_magnitudes:
            return np.ones(len(rates))
        return self._fast_rates(x, d * scale, learning_rate, self._weight_maxima) / rates

    def _buffer_rate(self, transfer_rate: float, fast_rates: NDArray[np.float64]) -> NDArray[np.float64] | np.float64:
        """Return what each read, or all, are multiplied with, in pulses of the second array."""
        rate = transfer_rate / self._buffer_granularity * (self._settings.gamma or 1.0)
        if self._settings.correct_gradient_magnitudes:
            return rate * self._fast.granularity / (fast_rates * self._step)
        return np.float64(rate)

    def _granularity(self, settings: ChoppedTransferSettings | DynamicTransferSettings, step: float) -> float:
        """Return what the buffer's threshold stands for, in the first array's weight."""
        base = settings.buffer_granularity * step
        if settings.auto_granularity == 0.0 or settings.transfer_every == 0.0:
            return base
        between_visits = self._inputs * abs(settings.transfer_every) / self._at_a_time
        return base * settings.auto_granularity / between_visits

    @abstractmethod
    def _accumulate(self, lines: slice, passes: int, values: FloatArray, factors: FloatArray) -> tuple[FloatArray, int]:
        """Add what was read of lines, times factors [lines, 1], to the buffer; return what `Release` does."""

    def _turning(self, lines: slice, number: int) -> list[int]:
        """Return which of the lines have their signs turned after their read; the first read has this number."""
        turns = self._turns(number, lines.stop - lines.start)
        return [lines.start + int(line) for line in np.flatnonzero(turns)]

    def _in_last_pass(self, number: int, count: int) -> NDArray[np.bool_]:
        """Return whether each of so many reads is in the last of every `_period` passes over the lines."""
        passes = np.arange(number, number + count) // self._inputs
        last: NDArray[np.bool_] = (passes + 1) % self._period == 0
        return last

    @abstractmethod
    def _turns(self, number: int, count: int) -> NDArray[np.bool_]:
        """Return whether the line of each of so many reads has its sign turned after it; the first has this number."""

    def _buffer(self) -> kernels.LineBuffer | None:
        """Return the buffer and the signs for the core, which changes them in place; None if it knows no such rule."""
        return None

    def _turn(self, lines: list[int]) -> None:
        """Turn the signs of these lines."""
        self._in_signs[lines] *= -1.0

    def _end_pass(self, passes: int) -> None:
        """Turn the signs that are to turn after a pass over the lines."""

    def _chopped(self, d: FloatArray) -> FloatArray:
        """Return errors, or what was read, with the signs of their lines."""
        return d

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {
            "vectors": self._vectors,
            "reads": self._reads,
            "maxima": self._maxima,
            "last_rates": self._last_rates,
            "weight_maxima": self._weight_maxima,
            "hidden": self._hidden,
            "in_signs": self._in_signs,
        }

    def _begin(self) -> None:
        super()._begin()
        self._in_signs[:] = 1.0

    def _restore_signs(self, index: int, weights: FloatArray) -> None:
        weights *= self._in_signs
