"""AGAD: the reference of each read is what the same cell held before its sign turned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.chopped_arrays import ChoppedArrays, expected_chopped
from archsim.analog.algorithms.operation_counts import (
    DYNAMIC_BITS,
    DYNAMIC_BITS_OF_LAST_READ,
    DYNAMIC_OPERATIONS,
    DYNAMIC_OPERATIONS_OF_LAST_READ,
)
from archsim.analog.algorithms.protocol import TileOutline, TileSite
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import ExpectedUpdate
from archsim.analog.specification.algorithms import DynamicTransferSettings

__all__ = ["DynamicTransfer"]


class DynamicTransfer(ChoppedArrays):
    """AGAD (Rasch et al. 2024, arXiv:2303.04721; aihwkit ``DynamicTransferCompound``).

    With the running mean p and the reference q of a line: if its sign turned after its last read, q <- p. Then
    h <- h + lr_H c (y - q), pulses go as in `ChoppedTransfer`, and p <- (1 - r) p + r y with r = min(tail_weightening /
    n, 1), n = ceil(1 / in_chop_prob), at least 2 (beta of the paper, whose printed sign of the last term is mistaken).
    Signs turn once in n passes; with ``in_chop_random`` also at random. Nothing is written in the first n + 1 passes:
    there are no references yet.
    """

    Settings = DynamicTransferSettings

    @staticmethod
    def expected(settings: DynamicTransferSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return expected_chopped(settings, tile, *_digital_work(settings), idle_passes=_period(settings) + 1)

    def __init__(self, settings: DynamicTransferSettings, tile: TileSite) -> None:
        most = settings.transfer_update.desired_bl
        operations, bits = _digital_work(settings)
        super().__init__(
            settings,
            tile,
            release=Release(most, settings.momentum, settings.forget_buffer, settings.buffer_cap * most),
            operations=operations,
            bits=bits,
        )
        self._chance = settings.in_chop_prob if settings.in_chop_random else 0.0
        self._follow = np.float32(_follow(settings))
        self._turned = np.zeros(tile.inputs, np.bool_)
        self._mean = np.zeros((tile.inputs, tile.outputs), np.float32)
        self._past = np.zeros((tile.inputs, tile.outputs), np.float32)

    def _accumulate(self, lines: slice, passes: int, values: FloatArray, factors: FloatArray) -> tuple[FloatArray, int]:
        hidden, mean, past = self._hidden[lines], self._mean[lines], self._past[lines]
        np.copyto(past, mean, where=self._turned[lines, None])
        self._turned[lines] = False
        hidden += (values - past) * factors
        counts, written = self._release(hidden, 1.0)
        mean += (values - mean) * self._follow
        return counts, written if passes > self._period else 0

    def _turns(self, number: int, count: int) -> NDArray[np.bool_]:
        turns = self._in_last_pass(number, count)
        if self._chance:
            turns |= self._uniforms.run(number, count).astype(np.float64) < self._chance
        return turns

    def _buffer(self) -> kernels.LineBuffer:
        return self._release.buffer(
            self._hidden,
            self._in_signs,
            mean=self._mean,
            past=self._past,
            turned=self._turned.view(np.uint8),
            follow=float(self._follow),
            idle_passes=self._period,
        )

    def _turn(self, lines: list[int]) -> None:
        super()._turn(lines)
        self._turned[lines] = True

    def _digital(self) -> dict[str, NDArray[Any]]:
        return super()._digital() | {"turned": self._turned, "mean": self._mean, "past": self._past}


def _period(settings: DynamicTransferSettings) -> int:
    """Return the passes after which signs turn."""
    return max(math.ceil(1.0 / settings.in_chop_prob), 2)


def _follow(settings: DynamicTransferSettings) -> float:
    """Return the share of a read in the running mean."""
    return min(settings.tail_weightening / _period(settings), 1.0)


def _digital_work(settings: DynamicTransferSettings) -> tuple[int, int]:
    """Return the operations and the memory bits of each cell that is read."""
    if _follow(settings) == 1.0:
        return DYNAMIC_OPERATIONS_OF_LAST_READ, DYNAMIC_BITS_OF_LAST_READ
    return DYNAMIC_OPERATIONS, DYNAMIC_BITS
