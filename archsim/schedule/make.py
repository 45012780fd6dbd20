"""From what a user said about the schedule to a complete one."""

from __future__ import annotations

from archsim import plugins
from archsim.schedule.actions import PipelineShape, Schedule, ScheduleKind
from archsim.schedule.passes import with_updates
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["make_schedule"]


def make_schedule(specification: ScheduleSpecification, stages: int, mini_batches: int) -> Schedule:
    """Return the schedule of a run over a number of stages and mini-batches.

    Raises
    ------
    InputError
        If no schedule of this kind is registered.
    """
    kind: ScheduleKind = plugins.load("archsim.schedules", specification.kind, field="schedule.kind")
    update = specification.update or kind.default_update
    shape = PipelineShape(stages, mini_batches, specification.micro_batches)
    return Schedule(specification.kind, shape, update, with_updates(kind.order, update))
