"""Tiki-Taka, version 1: lines of the array that takes gradients are pulsed into the next one in proportion."""

from __future__ import annotations

from archsim._core import SELECT
from archsim.analog.algorithms.expectations import in_proportion
from archsim.analog.algorithms.line_transfers import LineTransfers, for_each, transfer_intervals
from archsim.analog.algorithms.protocol import FAST_ARRAY, TileOutline, TileSite
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import BufferedTransferSettings, TikiTakaSettings

__all__ = ["CompoundTransfers", "TikiTaka"]


class CompoundTransfers(LineTransfers):
    """Arrays and rates as aihwkit's ``TransferCompound`` has them.

    The first array learns with fast_lr (times the learning rate with ``scale_fast_lr``; the learning rate itself if
    fast_lr = 0), transfers with transfer_lr (times the learning rate with ``scale_transfer_lr``). Interval, lines at a
    time and rate of transfers may differ from array to array.
    """

    def __init__(self, settings: TikiTakaSettings | BufferedTransferSettings, tile: TileSite) -> None:
        self._settings = settings
        moves = settings.transfer_io, settings.transfer_update
        crossbars = [tile.make_crossbar(0, settings.fast_device, settings.update, *moves)]
        crossbars += [tile.make_crossbar(index, None, None, *moves) for index in range(1, settings.n_devices)]
        self._transfer_lr = for_each(settings.transfer_lr, settings.n_devices - 1)
        super().__init__(
            crossbars,
            settings.gamma,
            *_rhythm(settings, tile.mini_batch, tile.inputs),
            Uniforms(tile.seed, tile.identity, SELECT) if settings.random_selection else None,
        )

    @staticmethod
    def accumulator(settings: TikiTakaSettings | BufferedTransferSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return None if settings.gamma else FAST_ARRAY

    @staticmethod
    def arrays(settings: TikiTakaSettings | BufferedTransferSettings) -> int:
        """Return how many crossbars a tile needs."""
        return settings.n_devices

    @staticmethod
    def moves(settings: TikiTakaSettings | BufferedTransferSettings, tile: TileOutline) -> tuple[tuple[int, int], ...]:
        """Return for each array but the last after how many vectors it is read, 0 for never, and how many lines."""
        intervals, reads = _rhythm(settings, tile.mini_batch, tile.inputs)
        rates = for_each(settings.transfer_lr, settings.n_devices - 1)
        each = zip(intervals, reads, rates, strict=True)
        return tuple((interval if rate else 0, count) for interval, count, rate in each)

    def _fast_rate(self, learning_rate: float) -> float:
        fast = self._settings.fast_lr
        if fast == 0.0:
            return learning_rate
        return fast * learning_rate if self._settings.scale_fast_lr else fast

    def _transfer_rate(self, learning_rate: float, source: int) -> float:
        rate = self._transfer_lr[source]
        return rate * learning_rate if self._settings.scale_transfer_lr else rate


def _rhythm(
    settings: TikiTakaSettings | BufferedTransferSettings, mini_batch: int, inputs: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return after how many vectors each array but the last is read, and how many of its lines."""
    reads = tuple(min(count, inputs) for count in for_each(settings.n_reads_per_transfer, settings.n_devices - 1))
    unit = mini_batch if settings.units_in_mbatch else None
    return transfer_intervals(settings.transfer_every, unit, inputs, reads), reads


class TikiTaka(CompoundTransfers):
    """Two or more arrays (Gokmen & Haensch 2020, doi:10.3389/fnins.2020.00103; aihwkit ``TransferCompound``).

    A <- A - lr_A d x^T after every vector; after transfer_every vectors y = A u_j, W <- W + lr_t y u_j^T by pulses, for
    the next input line j. The network sees gamma A + W. On devices whose symmetric point is zero this has no bias from
    their asymmetry, unlike `AnalogSGD` (arXiv:2406.12774).
    """

    Settings = TikiTakaSettings

    @staticmethod
    def expected(settings: TikiTakaSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return in_proportion(settings, tile, CompoundTransfers.moves(settings, tile), settings.transfer_update)

    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        return self._pulse_in_proportion(source, hot, values, rate, first)
