"""Curves in a terminal: eight dots to a character."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archsim.analog.devices.curves import Curves
from archsim.report.responses import response_numbers
from archsim.report.scales import short

__all__ = ["Canvas", "response_lines"]

_WIDTH, _HEIGHT = 64, 12
#: Bits of a braille character by row and column of its dots (Unicode block U+2800).
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])
_BRAILLE = 0x2800
_BAND = (10, 90)


class Canvas:
    """A grid of dots, two by four to a character.

    Parameters
    ----------
    width, height : int
        Characters.
    low, high : float
        Values at the lower and at the upper edge.
    """

    def __init__(self, width: int, height: int, low: float, high: float) -> None:
        self.columns = 2 * width
        self._rows = 4 * height
        self._low, self._high = low, high
        self._dots = np.zeros((self._rows, self.columns), bool)

    def row(self, value: float) -> int:
        """Return the row of a value, from the top; the nearest one for values beyond the edges."""
        place = (self._high - value) / (self._high - self._low)
        return int(np.clip(round(place * (self._rows - 1)), 0, self._rows - 1))

    def line(self, values: Sequence[float]) -> None:
        """Draw one value for each column of dots, joined."""
        before = self.row(values[0])
        for column, value in enumerate(values):
            row = self.row(value)
            low, high = sorted((row, before + (row > before) - (row < before)))
            self._dots[low : high + 1, column] = True
            before = row

    def band(self, low: Sequence[float], high: Sequence[float]) -> None:
        """Fill between two values for each column with a dot here and there."""
        for column in range(0, self.columns, 2):
            for row in range(self.row(high[column]), self.row(low[column]) + 1):
                if (row + column) % 4 == 0:
                    self._dots[row, column] = True

    def text(self) -> list[str]:
        """Return the characters, line by line."""
        blocks = self._dots.reshape(self._rows // 4, 4, self.columns // 2, 2)
        codes = _BRAILLE + np.einsum("ijkl,jl->ik", blocks.astype(int), _DOTS)
        return ["".join(map(chr, line)) for line in codes]


def response_lines(curves: Curves) -> list[str]:
    """Return what pulses do to a device, drawn: its weight along a train of pulses up and as many down."""
    low, high = np.percentile(curves.cells, _BAND, axis=1)
    bottom, top = float(min(low.min(), curves.mean.min())), float(max(high.max(), curves.mean.max()))
    canvas = Canvas(_WIDTH, _HEIGHT, bottom, top)
    at = np.linspace(0, curves.pulses[-1], canvas.columns)
    canvas.band(np.interp(at, curves.pulses, low).tolist(), np.interp(at, curves.pulses, high).tolist())
    canvas.line(np.interp(at, curves.pulses, curves.mean).tolist())
    labels = {0: f"{top:.3g}", _HEIGHT - 1: f"{bottom:.3g}"}
    zero = canvas.row(0.0) // 4
    if bottom < 0.0 < top and zero not in labels:
        labels[zero] = "0"
    margin = max(len(label) for label in labels.values())
    drawn = [
        f"{labels.get(i, ''):>{margin}} {'┤' if i in labels else '│'}{line}" for i, line in enumerate(canvas.text())
    ]
    up, end = short(curves.up_pulses), short(2 * curves.up_pulses)
    axis = f"0{up:^{_WIDTH - 1 - len(end)}}{end}"
    return [
        f"Weight along {up} pulses up and as many down; line: mean device, dots: 10 to 90 % of cells.",
        *drawn,
        f"{'':>{margin}}  {axis}",
        f"{response_numbers(curves)}.",
    ]
