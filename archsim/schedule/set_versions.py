"""Which version of its weights a stage holds on each set of crossbars."""

from __future__ import annotations

from archsim.schedule.actions import Action, Schedule
from archsim.schedule.schedule_error import ScheduleError

__all__ = ["SetVersions"]


class SetVersions:
    """The versions on the sets of crossbars of one stage; version n comes of n updates.

    Parameters
    ----------
    stage : int
        Number of the stage.
    schedule : Schedule
        Says which set a micro-batch reads and changes.
    """

    __slots__ = ("_held", "_schedule", "_stage")

    def __init__(self, stage: int, schedule: Schedule) -> None:
        self._stage = stage
        self._schedule = schedule
        self._held = [0] * schedule.weight_sets

    def met(self, micro_batch: int) -> int:
        """Return the version that a micro-batch meets now."""
        return self._held[self._schedule.weight_set(micro_batch)]

    def compare(self, action: Action, met: int) -> None:
        """Refuse a backward that does not meet the version that its forward met."""
        now = self.met(action.micro_batch)
        if now != met:
            raise ScheduleError(
                f"{self._place(action)}, which holds version {now} of the weights by now: the forward of the "
                f"micro-batch met version {met}",
                "let every B of a mini-batch come before what changes its set: the C and U of the mini-batch",
            )

    def copy(self, action: Action, newest: int) -> None:
        """Copy the newest version onto the set of an action."""
        self._held[self._schedule.weight_set(action.micro_batch)] = newest

    def update(self, action: Action, newest: int) -> None:
        """Make the version behind the newest one, which must lie on the set of the action."""
        held = self.met(action.micro_batch)
        if held != newest:
            raise ScheduleError(
                f"{self._place(action)}, which holds version {held} of the weights, and the newest one is {newest}",
                "let a C with the same micro-batches come before it, which copies the newest version there",
            )
        self.copy(action, newest + 1)

    def _place(self, action: Action) -> str:
        own = self._schedule.weight_set(action.micro_batch)
        return f"stage {self._stage} does {action} on set {own} of its crossbars"
