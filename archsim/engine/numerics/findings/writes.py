"""Writes of weights for which a chip states no time."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence
from archsim.schedule import kind_of
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["writes_without_time"]


def writes_without_time(run: Evidence) -> Iterator[str]:
    """Layers that take the same tiles in turn, on a chip of stage engines."""
    schedule, seen = getattr(run.settings, "schedule", None), run.observations
    if not isinstance(schedule, ScheduleSpecification) or not seen.makespan_ps or seen.tiles:
        return
    if kind_of(schedule).shares_tiles:
        yield (
            f"schedule.kind: {schedule.kind} writes layers anew, and a stage engine states neither time nor energy for "
            "that: this run has none of it; take a chip of tiles"
        )
