"""When the stages of one place act: the time in which at least one of them does."""

from __future__ import annotations

from archsim.chip.components import Timekeeper

__all__ = ["Occupancy"]


class Occupancy:
    """Adds up the time in which a place that several stages share is at work.

    Parameters
    ----------
    timekeeper : Timekeeper
        The event kernel.
    """

    __slots__ = ("_active", "_busy_ps", "_since", "_timekeeper")

    def __init__(self, timekeeper: Timekeeper) -> None:
        self._timekeeper = timekeeper
        self._active = 0
        self._busy_ps = 0
        self._since = 0

    def enter(self) -> None:
        """A stage begins to act."""
        if not self._active:
            self._since = self._timekeeper.now
        self._active += 1

    def leave(self) -> None:
        """A stage has stopped."""
        self._active -= 1
        if not self._active:
            self._busy_ps += self._timekeeper.now - self._since

    @property
    def busy_ps(self) -> int:
        """The time up to now, in picoseconds."""
        return self._busy_ps + (self._timekeeper.now - self._since if self._active else 0)
