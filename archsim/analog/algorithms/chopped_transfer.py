"""Chopped Tiki-Taka, version 2: signs that turn remove what the devices' offsets leave in the buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.chopped_arrays import ChoppedArrays, expected_chopped
from archsim.analog.algorithms.operation_counts import BUFFERED_BITS, BUFFERED_OPERATIONS, CHOPPED_BITS
from archsim.analog.algorithms.protocol import TileOutline, TileSite
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import ExpectedUpdate
from archsim.analog.specification.algorithms import ChoppedTransferSettings

__all__ = ["ChoppedTransfer"]


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

    def __init__(self, settings: ChoppedTransferSettings, tile: TileSite) -> None:
        super().__init__(
            settings,
            tile,
            release=Release(settings.transfer_update.desired_bl, settings.momentum, settings.forget_buffer),
            operations=BUFFERED_OPERATIONS,
            bits=_bits(settings),
        )
        self._in_chop_prob = settings.in_chop_prob
        self._in_chop_random = settings.in_chop_random
        self._out_chop_prob = settings.out_chop_prob
        self._out_signs = np.ones(tile.outputs, np.float32)

    def _accumulate(self, lines: slice, passes: int, values: FloatArray, factors: FloatArray) -> tuple[FloatArray, int]:
        hidden: FloatArray = self._hidden[lines]
        hidden += self._chopped(values) * factors
        return self._release(hidden, 1.0)

    def _turns(self, number: int, count: int) -> NDArray[np.bool_]:
        if self._in_chop_prob == 0.0:
            return np.zeros(count, np.bool_)
        if self._in_chop_random:
            # Even indices decide about input lines, odd ones about output lines.
            return self._uniforms.run(2 * number, count, 2).astype(np.float64) < self._in_chop_prob
        return self._in_last_pass(number, count)

    def _buffer(self) -> kernels.LineBuffer | None:
        # The signs of output lines turn between passes, which the core does not know.
        return None if self._out_chop_prob > 0.0 else self._release.buffer(self._hidden, self._in_signs)

    def _end_pass(self, passes: int) -> None:
        if self._out_chop_prob > 0.0:
            turned = self._uniforms.rows(2 * passes + 1, 1, self._outputs)[0] < self._out_chop_prob
            self._out_signs[turned] *= -1.0

    def _chopped(self, d: FloatArray) -> FloatArray:
        return d * self._out_signs if self._out_chop_prob > 0.0 else d

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
