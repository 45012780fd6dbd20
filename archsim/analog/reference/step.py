"""What pulses do to cells (twin of ``_core/walk.h``, ``columns.h``, ``pairs.h`` and ``exact.h``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.reference.aggregate import Path, land, land_word
from archsim.analog.reference.philox import Series
from archsim.analog.reference.response import Law, clipped, in_full, respond
from archsim.analog.reference.trains import BlockTrains, Piece

__all__ = ["Walk", "exact_update"]

Bits = NDArray[np.uint32]

#: Cells that are worked on together, outputs that share a series of noise, and cells of a full list.
GROUP, COLUMNS, LISTED = 64, 64, 4096
#: Words of an aggregate, where noise changes later steps and where it does not.
FEW_WORDS, MANY_WORDS = 8, 16
#: Lanes that noise is taken for.
LANES = 16


class Walk:
    """A block's trains on the cells of an array, in the order in which the core takes its random numbers.

    Parameters
    ----------
    law : Law
        What a pulse does.
    cells : float32 [outputs * inputs, 4 or 8]
        Numbers of the cells; see `Population`.
    weights : float32 [outputs, inputs]
        What pulses change, in place.
    visible : float32 [outputs, inputs] or None
        What reads see, where that differs.
    direction : {"both", "up", "down-as-up"}
        Which pulses count.
    """

    def __init__(
        self, law: Law, cells: FloatArray, weights: FloatArray, visible: FloatArray | None, direction: str = "both"
    ) -> None:
        self.law, self.cells = in_full(law, cells)
        self.direction = direction
        self.outputs, self.inputs = weights.shape
        self.w = weights.reshape(-1)
        self.visible = None if visible is None else visible.reshape(-1)
        self.pulses = 0

    def apply(self, trains: BlockTrains, *, key: int, crossbar: int, purpose: int, first_vector: int) -> int:
        """Apply a block, and return the number of pulses."""
        with np.errstate(all="ignore"):  # a path that leads nowhere is not aggregated
            return self._apply(trains, key, crossbar, purpose, first_vector)

    def _apply(self, trains: BlockTrains, key: int, crossbar: int, purpose: int, first_vector: int) -> int:
        self.trains, self.pulses = trains, 0
        self.coincidences = [self._directed(*trains.meet(word)) for word in range(len(trains.alike))]
        crowded, self.rows = trains.crowded(), trains.rows()
        for first in range(0, self.outputs, COLUMNS):
            self.series = Series(key, crossbar, purpose, first_vector, first // COLUMNS)
            columns = range(first, min(first + COLUMNS, self.outputs))
            if crowded:
                self._columns(columns)
            else:
                for piece in trains.pieces:
                    self._pairs(piece, columns)
        return self.pulses

    def _directed(self, slots: Bits, ups: Bits) -> tuple[Bits, Bits]:
        if self.direction == "both":
            return slots.reshape(-1), ups.reshape(-1)
        chosen = (ups if self.direction == "up" else slots & ~ups).reshape(-1)
        return chosen, chosen

    # columns of which most cells are reached

    def _columns(self, columns: range) -> None:
        """Take consecutive cells with all vectors; those for which an aggregate would not do come after them."""
        failed: list[int] = []
        for column in columns:
            if not any(on[column] for on in self.trains.d_on):
                continue
            for first in range(0, len(self.rows), GROUP):
                cells = column * self.inputs + self.rows[first : first + GROUP]
                if self.law.exact:
                    self._column_by_pulses(cells, column)
                else:
                    failed += self._column_by_aggregates(cells, column)
                if len(failed) > LISTED - GROUP:
                    self._redo(failed)
        self._redo(failed)

    def _column_by_pulses(self, cells: NDArray[np.intp], column: int) -> None:
        count = np.zeros(len(cells), np.int64)
        for word, (slots, ups) in enumerate(self.coincidences):
            if not self.trains.d_on[word][column]:
                continue
            for slot in range(32):
                on = slots[cells] >> np.uint32(slot) & 1 != 0
                up = ups[cells] >> np.uint32(slot) & 1 != 0
                self._pulse(cells[on], up[on], self.series.take(int(on.sum())))
                count += on
        self._show(cells, count > 0, GROUP)
        self.pulses += int(count.sum())

    def _column_by_aggregates(self, cells: NDArray[np.intp], column: int) -> list[int]:
        alike, w = self.trains.alike, self.w[cells]
        failed, count = np.zeros(len(cells), np.bool_), np.zeros(len(cells), np.int64)
        single = len(alike) == 1 and not alike[0] and len(self.rows) == self.inputs
        most = MANY_WORDS if self.law.family in ("constant", "additive") else FEW_WORDS
        for first in range(0, len(alike), most):
            path = Path(self.law, self.cells[cells], w)
            for word in range(first, min(first + most, len(alike))):
                slots, ups = self.coincidences[word]
                if self.trains.d_on[word][column]:
                    path.advance(slots[cells], ups[cells], alike[word])
            end, wrong = (land_word if single else land)(path, self.series.take(GROUP)[: len(cells)])
            w = np.where(path.count > 0, end, w)
            failed |= wrong
            count += path.count
        self.w[cells] = np.where(failed, self.w[cells], w)
        self._show(cells, (count > 0) & ~failed, GROUP)
        self.pulses += int(count[~failed].sum())
        undone: list[int] = cells[failed].tolist()
        return undone

    def _redo(self, failed: list[int]) -> None:
        for first in range(0, len(failed), GROUP):
            cells = np.array(failed[first : first + GROUP])
            count = np.zeros(len(cells), np.int64)
            for alike, (slots, ups) in zip(self.trains.alike, self.coincidences, strict=True):
                left = np.ones(len(cells), np.bool_)
                if alike:
                    path = Path(self.law, self.cells[cells], self.w[cells])
                    path.advance(slots[cells], ups[cells], alike)
                    end, left = land(path, self.series.take(GROUP)[: len(cells)])
                    self.w[cells] = np.where((path.count > 0) & ~left, end, self.w[cells])
                    count += np.where(left, 0, path.count)
                    self.pulses += int(path.count[~left].sum())
                count[left] += self._one_by_one(cells[left], slots[cells[left]], ups[cells[left]])
            self._show(cells, count > 0, len(cells))
        failed.clear()

    # pairs of active lines

    def _pairs(self, piece: Piece, columns: range) -> None:
        """Take the cells that one vector reaches, as many at a time as a list holds."""
        slots, ups = self.coincidences[piece.word]
        block = np.arange(columns.start * self.inputs, columns.stop * self.inputs)
        cells = block[slots[block] & piece.mask != 0]
        for first in range(0, len(cells), LISTED):
            part = cells[first : first + LISTED]
            self._listed(part, slots[part] & piece.mask, ups[part] & piece.mask, int(piece.mask).bit_count() == 1)

    def _listed(self, cells: NDArray[np.intp], slots: Bits, ups: Bits, single: bool) -> None:
        failed = np.zeros(len(cells), np.bool_)
        for first in range(0, len(cells), GROUP):
            part = slice(first, first + GROUP)
            group, n = cells[part], len(cells[part])
            if single:
                self._pulse(group, ups[part] != 0, self._lanes(n))
                self._show(group, np.ones(n, np.bool_), n)
                self.pulses += n
            elif self.law.exact:
                count = self._one_by_one(group, slots[part], ups[part])
                self._show(group, count > 0, n)
            else:
                path = Path(self.law, self.cells[group], self.w[group])
                path.advance(slots[part], ups[part], alike=True)
                end, failed[part] = land(path, self._lanes(n))
                self.w[group] = np.where(failed[part], self.w[group], end)
                self._show(group, ~failed[part], n)
                self.pulses += int(path.count[~failed[part]].sum())
        undone = np.flatnonzero(failed)
        for first in range(0, len(undone), GROUP):
            rest = undone[first : first + GROUP]
            self._one_by_one(cells[rest], slots[rest], ups[rest])
            self._show(cells[rest], np.ones(len(rest), np.bool_), len(rest))

    # one pulse

    def _one_by_one(self, cells: NDArray[np.intp], slots: Bits, ups: Bits) -> NDArray[np.int64]:
        """Send the next pulse of every cell, then the next one; return how many each got."""
        count = np.bitwise_count(slots).astype(np.int64)
        while slots.any():
            bit = slots & (~slots + np.uint32(1))
            on = slots != 0
            self._pulse(cells[on], (ups & bit != 0)[on], self.series.take(int(on.sum())))
            slots = slots ^ bit
        self.pulses += int(count.sum())
        return count

    def _pulse(self, cells: NDArray[np.intp], up: NDArray[np.bool_], z: FloatArray) -> None:
        numbers, w = self.cells[cells], self.w[cells]
        pulse = respond(self.law, numbers, w, up)
        self.w[cells] = clipped(w + (pulse.step + pulse.size * self.law.scale * z), numbers)

    def _show(self, cells: NDArray[np.intp], pulsed: NDArray[np.bool_], taken: int) -> None:
        """Let reads see the cells that were pulsed, with the noise of a write."""
        if self.visible is None:
            return
        z = self._lanes(taken)[: len(cells)]
        seen = self.w[cells] + np.float32(self.law.write_noise) * z
        self.visible[cells[pulsed]] = seen[pulsed]

    def _lanes(self, n: int) -> FloatArray:
        return self.series.take(-(-n // LANES) * LANES)[:n]


def exact_update(weights: FloatArray, x: FloatArray, d: FloatArray, learning_rate: float) -> FloatArray:
    """Return W - learning_rate d x^T, one vector after the other, in float32."""
    w = weights.copy()
    for xv, dv in zip(x, d, strict=True):
        w = w - (np.float32(learning_rate) * dv)[:, None] * xv[None, :]
    return w
