"""Mixed precision: gradients add up in digital memory, and whole pulses are written from there."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import ROUND, SELECT, kernels
from archsim.analog.algorithms.expectations import expected_refreshes, first_writes, single_slots
from archsim.analog.algorithms.inputs import checked, granularity_of
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.momentum import Momentum, expected_steps, velocities
from archsim.analog.algorithms.operation_counts import MIXED_BITS
from archsim.analog.algorithms.protocol import DIGITAL_ACCUMULATOR, TileOutline, TileSite
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import MixedPrecisionSettings

__all__ = ["MixedPrecision"]

#: Pulses that a cell can get at once.
MOST = 31


class MixedPrecision(JointArrays):
    """chi <- chi - lr d x^T in digital; after so many mini-batches n = trunc(chi / epsilon) pulses for each cell.

    Nandakumar et al. 2020, doi:10.3389/fnins.2020.00406; aihwkit ``MixedPrecisionCompound``. Two ways to write:

    - ``exact``: every cell gets p = round(n epsilon transfer_lr / dw) pulses, at most 31; chi keeps the rest,
      chi - p dw / transfer_lr.
    - ``trains``: as in aihwkit, each column (a row of the weights there) is written as a rank-one update with
      stochastic trains, which give n epsilon transfer_lr / dw pulses in the mean; chi keeps
      chi - n epsilon, and what exceeds the longest train is lost.

    With ``momentum``, chi <- chi - lr v once a mini-batch (`archsim.analog.algorithms.momentum`). There is no weight
    decay: the weights are on devices, and a decay would have to read all of them.
    """

    Settings = MixedPrecisionSettings

    def __init__(self, settings: MixedPrecisionSettings, tile: TileSite) -> None:
        super().__init__([tile.make_crossbar(0, None, None, None, settings.transfer_update)])
        self._settings = settings
        self._inputs, self._outputs = tile.inputs, tile.outputs
        self._interval = settings.transfer_every * tile.mini_batch
        self._granularity = settings.granularity or granularity_of(self._last)
        self._columns = min(settings.n_rows_per_transfer or tile.outputs, tile.outputs)
        self._selection = Uniforms(tile.seed, tile.identity, SELECT)
        self._rounding = Uniforms(tile.seed, tile.identity, ROUND)
        self._momentum = Momentum.wanted(settings, (tile.outputs, tile.inputs), tile.mini_batch)
        self._chi = np.zeros((tile.outputs, tile.inputs), np.float32)
        self._vectors = np.zeros(1, np.int64)
        self._transfers = np.zeros(1, np.int64)
        self._next_column = np.zeros(1, np.int64)

    @staticmethod
    def accumulator(settings: MixedPrecisionSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return DIGITAL_ACCUMULATOR

    @staticmethod
    def arrays(settings: MixedPrecisionSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 1

    @staticmethod
    def expected(settings: MixedPrecisionSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average: columns are written once in so many mini-batches."""
        columns = min(settings.n_rows_per_transfer or tile.outputs, tile.outputs)
        write = ExpectedUpdate(
            output_writes=Fraction(columns),
            transfer_slots=columns * single_slots(settings.transfer_update),
            memory_bits=Fraction(columns * MIXED_BITS * tile.inputs),
            every=settings.transfer_every * tile.mini_batch,
        )
        return ExpectedUpdate(
            digital_operations=Fraction(2 * tile.outputs * tile.inputs - tile.inputs),
            transfers=(write,),
            later=(
                *expected_refreshes(tile, tile.device, updated=False),
                *expected_steps(settings, tile.outputs * tile.inputs, tile.mini_batch),
            ),
            first_writes=first_writes([(write.every, columns)], tile.outputs),
            kept_numbers=tile.outputs * tile.inputs * (1 + velocities(settings)),
        )

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Add learning_rate d x^T to what is to be written, vector after vector, and write when it is due."""
        x_block, d_block = checked(x, d, learning_rate, self._inputs, self._outputs)
        work, begin = Counts(), 0
        while begin < len(x_block):
            end = min(len(x_block), begin + self._interval - int(self._vectors[0]) % self._interval)
            work += self._add(x_block[begin:end], d_block[begin:end], learning_rate, first_vector + begin)
            work += self.transfer(learning_rate)
            begin = end
        return work

    def apply_gradients(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Add learning_rate d x^T to what is to be written, vector after vector, and write nothing."""
        return self._add(*checked(x, d, learning_rate, self._inputs, self._outputs), learning_rate, first_vector)

    @property
    def due(self) -> int:
        """How many times columns are to be written that have not been."""
        return int(self._vectors[0]) // self._interval - int(self._transfers[0])

    def transfer(self, learning_rate: float) -> Counts:
        """Write what is due."""
        work = Counts()
        for _ in range(self.due):
            work += self._transfer()
        return work

    def expect_late(self, steps: float) -> None:
        """Lower the momentum behind the next step, if there is one; see `HoldsVelocity`."""
        if self._momentum is not None:
            self._momentum.late = steps

    def _add(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> Counts:
        x, d = self._in_bins(x, d, first_vector)
        # 2 N^2 + N instead of 2 N: the outer product, and the scaling of one side.
        work = Counts(digital_operations=len(x) * (2 * self._chi.size - self._inputs))
        if self._momentum is None:
            kernels.exact_update(self._chi, x, d, learning_rate, 0, self._outputs)
        else:
            for _ in self._momentum.add(x, d):
                change, done = self._momentum.step(self._chi, learning_rate)
                self._chi += change
                work += done
        self._vectors[0] += len(x)
        return work

    def _in_bins(self, x: FloatArray, d: FloatArray, first_vector: int) -> tuple[FloatArray, FloatArray]:
        settings = self._settings
        if not settings.n_x_bins and not settings.n_d_bins:
            return x, d
        uniforms = self._rounding.rows(first_vector, len(x), self._inputs + self._outputs)
        x_shift = uniforms[:, : self._inputs] if settings.stoc_round_x else None
        d_shift = uniforms[:, self._inputs :] if settings.stoc_round_d else None
        return _binned(x, settings.n_x_bins, x_shift), _binned(d, settings.n_d_bins, d_shift)

    def _transfer(self) -> Counts:
        number = int(self._transfers[0])
        self._transfers[0] = number + 1
        first = int(self._next_column[0])
        if self._settings.random_row and self._columns < self._outputs:
            first = min(int(self._selection.at(number) * self._outputs), self._outputs - 1)
        columns = np.arange(first, first + self._columns) % self._outputs
        self._next_column[0] = (first + self._columns) % self._outputs
        counts = np.trunc(self._chi[columns] / np.float32(self._granularity))
        write = self._write_exactly if self._settings.writing == "exact" else self._write_by_trains
        work = write(columns, counts, number)
        work.memory_bits += MIXED_BITS * len(columns) * self._inputs
        return work

    def _write_by_trains(self, columns: NDArray[np.int64], counts: FloatArray, number: int) -> Counts:
        self._chi[columns] -= counts * np.float32(self._granularity)
        hot = np.zeros((len(columns), self._outputs), np.float32)
        hot[np.arange(len(columns)), columns] = 1.0
        rate = -self._granularity * self._settings.transfer_lr
        done = self._last.write(counts, hot, rate, number * self._columns)
        return Counts(pulses=done.pulses, output_writes=len(columns), transfer_slots=max(done.slots, len(columns)))

    def _write_exactly(self, columns: NDArray[np.int64], counts: FloatArray, number: int) -> Counts:
        pulse = self._last.granularity / self._settings.transfer_lr
        pulses = np.clip(np.rint(counts * (self._granularity / pulse)), -MOST, MOST).astype(np.int32)
        self._chi[columns] -= pulses * np.float32(pulse)
        rows = np.flatnonzero(pulses.any(axis=0))
        by_row = np.zeros((len(rows), self._outputs), np.int32)
        by_row[:, columns] = pulses[:, rows].T
        done = self._last.pulse(rows, by_row, number * self._inputs)
        # Columns are written one after the other, whichever way the pulses are handed over.
        return Counts(
            pulses=done.pulses,
            output_writes=int(pulses.any(axis=1).sum()),
            transfer_slots=int(np.maximum(np.abs(pulses).max(axis=1, initial=0), 1).sum()),
        )

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {
            "chi": self._chi,
            "vectors": self._vectors,
            "transfers": self._transfers,
            "next_column": self._next_column,
            **({} if self._momentum is None else self._momentum.arrays()),
        }


def _binned(values: FloatArray, bins: int, uniforms: FloatArray | None) -> FloatArray:
    """Return values rounded to floor(bins / 2) equal steps up to the largest magnitude of each vector."""
    half = bins // 2
    if half == 0 or not values.size:
        return values
    width = np.abs(values).max(axis=1, keepdims=True) / np.float32(half)
    width[width == 0.0] = 1.0
    shift = np.float32(0.0) if uniforms is None else uniforms - np.float32(0.5)
    binned: FloatArray = np.clip(np.rint(values / width + shift), -half, half) * width
    return np.ascontiguousarray(binned)
