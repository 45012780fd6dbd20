"""Tiki-Taka, version 2, in its first form: a digital buffer in weight units between two arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.algorithms.buffer import Release
from archsim.analog.algorithms.expectations import expected_transfers, single_slots
from archsim.analog.algorithms.inputs import granularity_of
from archsim.analog.algorithms.line_transfers import for_each
from archsim.analog.algorithms.operation_counts import BUFFERED_BITS, BUFFERED_OPERATIONS, write_counts
from archsim.analog.algorithms.protocol import TileOutline, TileSite
from archsim.analog.algorithms.tiki_taka import CompoundTransfers
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import BufferedTransferSettings

__all__ = ["BufferedTransfer"]


class BufferedTransfer(CompoundTransfers):
    """A low-pass filter between two arrays (doi:10.3389/frai.2021.699148; aihwkit ``BufferedTransferCompound``).

    h <- h + lr_t y for the line that was read; where |h| reaches thres_scale dw, trunc(h / (thres_scale dw)) pulses are
    written into the next array, at most the longest train of ``transfer_update``, and the buffer lets them go; see
    `Release`. With gamma > 0 the rate of transfers is multiplied by it, as in aihwkit.
    """

    Settings = BufferedTransferSettings

    @staticmethod
    def expected(settings: BufferedTransferSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        return expected_transfers(
            settings,
            tile,
            CompoundTransfers.moves(settings, tile),
            single_slots(settings.transfer_update),
            BUFFERED_OPERATIONS * tile.outputs,
            BUFFERED_BITS * tile.outputs,
        )

    def __init__(self, settings: BufferedTransferSettings, tile: TileSite) -> None:
        super().__init__(settings, tile)
        self._steps = [granularity_of(crossbar) for crossbar in self._crossbars[1:]]
        scales = for_each(settings.thres_scale, len(self._steps))
        self._thresholds = [scale * step for scale, step in zip(scales, self._steps, strict=True)]
        self._step = settings.step
        self._gain = settings.gamma or 1.0
        self._release = Release(settings.transfer_update.desired_bl, settings.momentum, settings.forget_buffer)
        self._hidden = np.zeros((len(self._intervals), tile.inputs, tile.outputs), np.float32)

    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        work = Counts(digital_operations=BUFFERED_OPERATIONS * values.size, memory_bits=BUFFERED_BITS * values.size)
        for read, line in enumerate(lines):
            hidden = self._hidden[source, line : line + 1]
            hidden += values[read] * np.float32(rate * self._gain)
            counts, written = self._release(hidden, self._thresholds[source])
            target, done = self._crossbars[source + 1], None
            if written:
                one = hot[read : read + 1]
                write_rate = -self._step * self._steps[source]
                done = target.write(one, counts, write_rate, first + read)
            work += write_counts(done, target.devices_written)
        return work

    def _digital(self) -> dict[str, NDArray[Any]]:
        return super()._digital() | {"hidden": self._hidden}
