"""Weights that are copied for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence
from archsim.schedule import kind_of
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["copied_weights"]


def copied_weights(run: Evidence) -> Iterator[str]:
    """A schedule whose backwards meet copies that no crossbar makes."""
    schedule = getattr(run.settings, "schedule", None)
    if isinstance(schedule, ScheduleSpecification) and kind_of(schedule).stashes:
        yield (
            f"schedule.kind: {schedule.kind} is hypothetical: backwards meet exact copies of old weights, which no "
            "crossbar makes and whose time, energy and space are not counted"
        )
