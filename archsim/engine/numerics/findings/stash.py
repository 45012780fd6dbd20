"""Weights that are copied for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence
from archsim.schedule import kind_of
from archsim.schedule.action_kinds import load_action_kinds
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["copied_weights"]


def copied_weights(run: Evidence) -> Iterator[str]:
    """A schedule whose backwards meet copies that no crossbar makes."""
    schedule = getattr(run.settings, "schedule", None)
    if not isinstance(schedule, ScheduleSpecification):
        return
    if any(kind.meets_copies for kind in load_action_kinds(kind_of(schedule).actions).values()):
        yield (
            f"schedule.kind: {schedule.kind} is hypothetical: backwards meet exact copies of old weights, which no "
            "crossbar makes and whose time, energy and space are not counted"
        )
