"""How full a buffer was over time, in bounded memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from archsim.chip.components import Timekeeper

__all__ = ["MOST_POINTS", "FillCurve"]

#: Steps that a curve holds at most.
MOST_POINTS = 4096


class FillCurve:
    """The claimed space of a buffer as a function of time, a staircase.

    Once it has `MOST_POINTS` steps, neighbours are joined to one, as high as the higher of the two: the curve then
    never lies below the truth, and its highest step stays the highest.

    Parameters
    ----------
    timekeeper : Timekeeper
        The event kernel.
    """

    __slots__ = ("_levels", "_timekeeper", "_times")

    def __init__(self, timekeeper: Timekeeper) -> None:
        self._timekeeper = timekeeper
        self._times = array("q")
        self._levels = array("q")

    def level(self, size_bytes: int) -> None:
        """Learn that so many bytes are claimed from now on; of several changes at one moment the last counts."""
        now = self._timekeeper.now
        if self._times and self._times[-1] == now:
            self._levels[-1] = size_bytes
            return
        self._times.append(now)
        self._levels.append(size_bytes)
        if len(self._times) > MOST_POINTS:
            self._join()

    def points(self) -> Iterator[tuple[int, int]]:
        """Yield times in picoseconds and the bytes claimed from then on."""
        return zip(self._times, self._levels, strict=True)

    def _join(self) -> None:
        """Join neighbours in pairs, but for the newest step, which may still change."""
        newest = self._times.pop(), self._levels.pop()
        self._times = self._times[::2]
        self._levels = array("q", map(max, self._levels[::2], self._levels[1::2]))
        self._times.append(newest[0])
        self._levels.append(newest[1])
