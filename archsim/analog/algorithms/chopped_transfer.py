"""Chopped Tiki-Taka, version 2: signs that turn remove what the devices' offsets leave in the buffer."""

from __future__ import annotations

import math
from abc import abstractmethod
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import CHOP
from archsim.analog.algorithms.auto_scale import FastRate
from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.expectations import expected_transfers, single_slots, states_of
from archsim.analog.algorithms.inputs import checked, granularity_of
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.protocol import MakeCrossbar, TileOutline
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.algorithms.work import (
    BUFFERED_BITS,
    BUFFERED_OPERATIONS,
    CHOPPED_BITS,
    add_write,
)
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import ExpectedUpdate, Update
from archsim.analog.specification import Device
from archsim.analog.specification.algorithms import ChoppedTransferSettings, DynamicTransferSettings

__all__ = ["ChoppedArrays", "ChoppedTransfer", "expected_chopped", "vectors_between"]


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
    settings: ChoppedTransferSettings | DynamicTransferSettings, tile: TileOutline, operations: int, bits: int
) -> ExpectedUpdate:
    """Return what an update takes on average, with so many operations and bits for each cell that is read."""
    interval = vectors_between(settings, tile.mini_batch, tile.inputs, settings.fast_device or tile.device)
    reads = Fraction(1, interval) if interval and settings.transfer_lr else Fraction(0)
    slots = single_slots(settings.transfer_update)
    return expected_transfers(tile, settings.update, reads, slots, operations * tile.outputs, bits * tile.outputs)


class ChoppedArrays(JointArrays):
    """Two arrays, a digital buffer, and a sign (chopper) for each input line, which turns after some of its reads.

    Gradients enter the first array with the signs of their lines: A <- A - lr_A d (c x)^T. Every ``transfer_every``
    vectors the next input line is read, and the sign is taken out again. All signs are + at first. The state holds the
    buffer by input line.
    """

    def __init__(
        self,
        settings: ChoppedTransferSettings | DynamicTransferSettings,
        make_crossbar: MakeCrossbar,
        outputs: int,
        inputs: int,
        *,
        mini_batch: int,
        seed: int,
        identity: int,
        release: Release,
    ) -> None:
        moves = settings.transfer_io, settings.transfer_update
        fast = make_crossbar(0, settings.fast_device, settings.update, *moves)
        super().__init__([fast, make_crossbar(1, None, None, *moves)], settings.gamma)
        self._settings = settings
        self._fast = fast
        self._inputs, self._outputs = inputs, outputs
        self._step = granularity_of(self._last)
        self._write_rate = -settings.step * self._step
        self._buffer_granularity = self._granularity(settings, granularity_of(fast))
        self._interval = vectors_between(settings, mini_batch, inputs, fast.device)
        self._period = max(math.ceil(1.0 / settings.in_chop_prob), 2) if settings.in_chop_prob else 0
        self._release = release
        self._uniforms = Uniforms(seed, identity, CHOP)
        reach = fast.update_parameters.desired_bl * granularity_of(fast) if settings.auto_scale else 0.0
        rate = (1.0 - settings.auto_momentum) / mini_batch
        self._fast_rates = FastRate(settings.fast_lr, settings.scale_fast_lr, reach, rate)
        self._hot = np.zeros((1, inputs), np.float32)
        self._vectors = np.zeros(1, np.int64)
        self._reads = np.zeros(1, np.int64)
        self._maxima = np.zeros(2)
        self._hidden = np.zeros((inputs, outputs), np.float32)
        self._in_signs = np.ones(inputs, np.float32)

    @staticmethod
    def arrays(settings: ChoppedTransferSettings | DynamicTransferSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 2

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Update:
        """Descend by learning_rate d x^T, vector after vector, with all transfers that become due meanwhile."""
        x_block, d_block = checked(x, d, learning_rate, self._inputs, self._outputs)
        self._stale = True
        work = Update()
        rates = self._fast_rates(x_block, d_block, learning_rate, self._maxima)
        # Each vector has a rate of its own: half of it goes into either side, which changes no probability of a pulse.
        roots = np.sqrt(rates).astype(np.float32)[:, None]
        x_block, d_block = x_block * roots, d_block * roots
        begin, passed, interval = 0, int(self._vectors[0]), self._interval
        chopped_x, chopped_d = x_block * self._in_signs, self._chopped(d_block)
        while begin < len(x_block):
            end = min(len(x_block), begin + interval - passed % interval) if interval else len(x_block)
            done = self._fast.update(chopped_x[begin:end], chopped_d[begin:end], 1.0, first_vector + begin)
            work.add(done)
            passed += end - begin
            if interval and passed % interval == 0 and self._transfer(learning_rate, float(rates[end - 1]), work):
                chopped_x[end:] = x_block[end:] * self._in_signs
                chopped_d[end:] = self._chopped(d_block[end:])
            begin = end
        self._vectors[0] = passed
        return work

    def _transfer(self, learning_rate: float, fast_rate: float, work: Update) -> bool:
        """Read a line, write the pulses that its buffer lets go; return whether a sign has turned."""
        number = int(self._reads[0])
        self._reads[0] = number + 1
        settings = self._settings
        rate = settings.transfer_lr * learning_rate if settings.scale_transfer_lr else settings.transfer_lr
        if rate == 0.0:
            return False
        passes, line = divmod(number, self._inputs)
        self._hot[0, line] = 1.0
        read = self._fast.transfer(self._hot, number)
        work.transfer_reads += read.reads
        counts = self._accumulate(line, passes, read.values[0], self._buffer_rate(rate, fast_rate))
        done = None
        if counts is not None:
            done = self._last.write(self._hot, counts[None], self._write_rate, number)
        add_write(work, done)
        self._hot[0, line] = 0.0
        self._count_digital(work)
        return self._turn(line, passes, number)

    def _buffer_rate(self, transfer_rate: float, fast_rate: float) -> float:
        """Return what a read is multiplied with, in pulses of the second array."""
        rate = transfer_rate / self._buffer_granularity * (self._settings.gamma or 1.0)
        if self._settings.correct_gradient_magnitudes:
            return rate * self._fast.granularity / (fast_rate * self._step)
        return rate

    def _granularity(self, settings: ChoppedTransferSettings | DynamicTransferSettings, step: float) -> float:
        """Return what the buffer's threshold stands for, in the first array's weight."""
        base = settings.buffer_granularity * step
        if settings.auto_granularity == 0.0 or settings.transfer_every == 0.0:
            return base
        return base * settings.auto_granularity / (self._inputs * abs(settings.transfer_every))

    @abstractmethod
    def _accumulate(self, line: int, passes: int, values: FloatArray, rate: float) -> FloatArray | None:
        """Add what was read of a line to the buffer; return the pulses that it lets go, if any."""

    @abstractmethod
    def _turn(self, line: int, passes: int, number: int) -> bool:
        """Turn the signs that are to turn after a read; return whether there were any."""

    @abstractmethod
    def _count_digital(self, work: Update) -> None:
        """Add the digital work of a transfer."""

    def _chopped(self, d: FloatArray) -> FloatArray:
        """Return a copy of errors, or of what was read, with the signs of their lines."""
        return d.copy()

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {
            "vectors": self._vectors,
            "reads": self._reads,
            "maxima": self._maxima,
            "hidden": self._hidden,
            "in_signs": self._in_signs,
        }

    def _begin(self) -> None:
        super()._begin()
        self._in_signs[:] = 1.0

    def _restore_signs(self, index: int, weights: FloatArray) -> None:
        weights *= self._in_signs


class ChoppedTransfer(ChoppedArrays):
    """c-TTv2 (Rasch et al. 2024, arXiv:2303.04721; aihwkit ``ChoppedTransferCompound``); TTv2 without choppers.

    h <- h + lr_H c y for the line that was read; where |h| >= 1, trunc(h) pulses are written into W, and the buffer
    lets them go; see `Release`. After its read the sign of a line turns with the probability ``in_chop_prob``, or once
    in ceil(1 / in_chop_prob) passes (at least 2); the signs of output lines with ``out_chop_prob`` after each pass.
    """

    Settings = ChoppedTransferSettings

    @staticmethod
    def expected(settings: ChoppedTransferSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return expected_chopped(settings, tile, BUFFERED_OPERATIONS, _bits(settings))

    def __init__(
        self,
        settings: ChoppedTransferSettings,
        make_crossbar: MakeCrossbar,
        outputs: int,
        inputs: int,
        *,
        mini_batch: int,
        seed: int,
        identity: int,
    ) -> None:
        super().__init__(
            settings,
            make_crossbar,
            outputs,
            inputs,
            mini_batch=mini_batch,
            seed=seed,
            identity=identity,
            release=Release(settings.transfer_update.desired_bl, settings.momentum, settings.forget_buffer),
        )
        self._bits = _bits(settings)
        self._in_chop_prob = settings.in_chop_prob
        self._in_chop_random = settings.in_chop_random
        self._out_chop_prob = settings.out_chop_prob
        self._out_signs = np.ones(outputs, np.float32)

    def _accumulate(self, line: int, passes: int, values: FloatArray, rate: float) -> FloatArray | None:
        hidden: FloatArray = self._hidden[line]
        hidden += self._chopped(values) * np.float32(rate * self._in_signs[line])
        return self._release(hidden, 1.0)

    def _turn(self, line: int, passes: int, number: int) -> bool:
        turned = False
        if self._in_chop_prob > 0.0:
            # Even indices decide about input lines, odd ones about output lines.
            if self._in_chop_random:
                turned = self._uniforms.at(2 * number) < self._in_chop_prob
            else:
                turned = passes % self._period + 1 == self._period
            if turned:
                self._in_signs[line] *= -1.0
        if self._out_chop_prob > 0.0 and line == self._inputs - 1:
            out_turned = self._uniforms.rows(2 * passes + 1, 1, self._outputs)[0] < self._out_chop_prob
            self._out_signs[out_turned] *= -1.0
            turned = turned or bool(out_turned.any())
        return turned

    def _count_digital(self, work: Update) -> None:
        work.digital_operations += BUFFERED_OPERATIONS * self._outputs
        work.memory_bits += self._bits * self._outputs

    def _chopped(self, d: FloatArray) -> FloatArray:
        return d * self._out_signs if self._out_chop_prob > 0.0 else d.copy()

    def _digital(self) -> dict[str, NDArray[Any]]:
        return super()._digital() | {"out_signs": self._out_signs}

    def _begin(self) -> None:
        super()._begin()
        self._out_signs[:] = 1.0

    def _restore_signs(self, index: int, weights: FloatArray) -> None:
        super()._restore_signs(index, weights)
        weights *= self._out_signs[:, None]


def _bits(settings: ChoppedTransferSettings) -> int:
    chopped = settings.in_chop_prob > 0.0 or settings.out_chop_prob > 0.0
    return CHOPPED_BITS if chopped else BUFFERED_BITS
