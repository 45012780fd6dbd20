"""What the textbook says of a schedule, without playing it through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archsim.schedule.action_kinds import StageCycles

if TYPE_CHECKING:
    from archsim.schedule.actions import Schedule

__all__ = ["ClosedForms", "KnownForms"]

#: What is known of a schedule, by name: numbers, and numbers by stage.
KnownForms = dict[str, int | float | tuple[int, ...] | tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class ClosedForms:
    """What the textbook says of a schedule whose stages are equal and between which nothing takes time.

    Attributes
    ----------
    makespan : callable, optional
        ``makespan(schedule, cycles)`` in the unit of `cycles`.
    in_flight, stored : callable, optional
        ``in_flight(schedule, stage)``, the most micro-batches between F and B; between F and the last action.
    staleness : callable, optional
        ``staleness(schedule, stage)``, the mean number of updates between F and B of a micro-batch.

    Notes
    -----
    Each returns None for a schedule that it does not hold for.
    """

    makespan: Callable[[Schedule, StageCycles], int | None] | None = None
    in_flight: Callable[[Schedule, int], int | None] | None = None
    stored: Callable[[Schedule, int], int | None] | None = None
    staleness: Callable[[Schedule, int], float | None] | None = None

    def of(self, schedule: Schedule, cycles: StageCycles) -> KnownForms:
        """Return what is known.

        ``makespan_cycles``, ``bubble_fraction`` (the share of it in which a place does nothing), and by stage
        ``in_flight``, ``stored`` and ``staleness``.
        """
        known: dict[str, Any] = {}
        if self.makespan is not None and (makespan := self.makespan(schedule, cycles)) is not None:
            known["makespan_cycles"] = makespan
            busy, shape = schedule.busy_of_stage(cycles), schedule.shape
            if makespan and busy is not None:
                known["bubble_fraction"] = 1 - busy * shape.stages / (shape.place_count * makespan)
        for name, form in (("in_flight", self.in_flight), ("stored", self.stored), ("staleness", self.staleness)):
            if form is not None:
                by_stage = tuple(form(schedule, stage) for stage in range(schedule.shape.stages))
                known[name] = None if None in by_stage else by_stage
        return {name: value for name, value in known.items() if value is not None}
