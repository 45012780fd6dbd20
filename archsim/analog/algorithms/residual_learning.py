"""Residual learning: reads see W + gamma P, P learns what W lacks, W follows P."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.expectations import expected_transfers, in_proportion, single_slots
from archsim.analog.algorithms.inputs import granularity_of
from archsim.analog.algorithms.line_transfers import LineTransfers
from archsim.analog.algorithms.operation_counts import BUFFERED_BITS, FILTERED_OPERATIONS, write_counts
from archsim.analog.algorithms.protocol import FAST_ARRAY, TileOutline, TileSite
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import ResidualLearningSettings, ResidualLearningV2Settings

__all__ = ["ResidualLearning", "ResidualLearningV2"]


class _Residual(LineTransfers):
    """Two arrays, P and W; reads see W + gamma P."""

    def __init__(self, settings: ResidualLearningSettings | ResidualLearningV2Settings, tile: TileSite) -> None:
        self._settings = settings
        moves = settings.transfer_io, settings.transfer_update
        crossbars = [
            tile.make_crossbar(0, settings.fast_device, settings.update, *moves),
            tile.make_crossbar(1, None, None, *moves),
        ]
        reads = settings.n_reads_per_transfer or tile.inputs
        super().__init__(crossbars, settings.gamma, [settings.transfer_every], [reads])

    @staticmethod
    def accumulator(settings: ResidualLearningSettings | ResidualLearningV2Settings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return None if settings.gamma else FAST_ARRAY

    @staticmethod
    def arrays(settings: ResidualLearningSettings | ResidualLearningV2Settings) -> int:
        """Return how many crossbars a tile needs."""
        return 2

    @staticmethod
    def moves(
        settings: ResidualLearningSettings | ResidualLearningV2Settings, tile: TileOutline
    ) -> tuple[tuple[int, int], ...]:
        """Return after how many vectors P is read, and how many lines then."""
        return ((settings.transfer_every, min(settings.n_reads_per_transfer or tile.inputs, tile.inputs)),)

    def _fast_rate(self, learning_rate: float) -> float:
        return self._settings.fast_lr * learning_rate

    def _transfer_rate(self, learning_rate: float, source: int) -> float:
        return self._settings.transfer_lr


class ResidualLearning(_Residual):
    """W and P of arXiv:2502.06309: P <- P - alpha g, W <- W + beta P, each through its devices.

    The gradient g is taken at W + gamma P. alpha is the learning rate times ``fast_lr``, beta is ``transfer_lr``. With
    gamma = 0 it is the paper's Tiki-Taka. The paper's equations move all lines after every update
    (``n_reads_per_transfer: null``), its time model one of them (the default).
    """

    Settings = ResidualLearningSettings

    @staticmethod
    def expected(settings: ResidualLearningSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return in_proportion(settings, tile, _Residual.moves(settings, tile), settings.transfer_update)

    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        return self._pulse_in_proportion(source, hot, values, rate, first)


class ResidualLearningV2(_Residual):
    """RLv2 of arXiv:2502.06309: a digital buffer that forgets stands between P and W.

    h <- (1 - beta) h + beta y; where |h| reaches the threshold, one pulse goes to W in that direction, and the buffer
    lets go one threshold.
    """

    Settings = ResidualLearningV2Settings

    @staticmethod
    def expected(settings: ResidualLearningV2Settings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return expected_transfers(
            settings,
            tile,
            _Residual.moves(settings, tile),
            single_slots(settings.transfer_update),
            FILTERED_OPERATIONS * tile.outputs,
            BUFFERED_BITS * tile.outputs,
        )

    def __init__(self, settings: ResidualLearningV2Settings, tile: TileSite) -> None:
        super().__init__(settings, tile)
        self._step = granularity_of(self._last)
        self._threshold = settings.threshold or self._step
        self._release = Release(1, 0.0, forget=False)
        self._hidden = np.zeros((tile.inputs, tile.outputs), np.float32)

    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        work = Counts(digital_operations=FILTERED_OPERATIONS * values.size, memory_bits=BUFFERED_BITS * values.size)
        for read, line in enumerate(lines):
            hidden = self._hidden[line : line + 1]
            hidden *= np.float32(1.0 - rate)
            hidden += values[read] * np.float32(rate)
            counts, written = self._release(hidden, self._threshold)
            one = hot[read : read + 1]
            done = self._last.write(one, counts, -self._step, first + read) if written else None
            work += write_counts(done, self._last.devices_written)
        return work

    def _digital(self) -> dict[str, NDArray[Any]]:
        return super()._digital() | {"hidden": self._hidden}
