"""From what a user said about the schedule to a complete one."""

from __future__ import annotations

from dataclasses import replace

from archsim import plugins
from archsim.errors import InputError
from archsim.schedule.action_kinds import load_action_kinds
from archsim.schedule.actions import PipelineShape, Schedule, ScheduleKind
from archsim.schedule.checks import Profile, dry_run
from archsim.schedule.passes import with_updates
from archsim.schedule.specification import ScheduleSpecification
from archsim.schedule.state import Edges

__all__ = ["checked_profile", "kind_of", "make_schedule"]

#: Actions up to which a schedule is played through before the clock starts: about a second.
_CHECKED_ACTIONS = 500_000


def kind_of(specification: ScheduleSpecification) -> ScheduleKind:
    """Return the registered kind of a schedule.

    Raises
    ------
    InputError
        If none is registered under its name.
    """
    registered = plugins.load("archsim.schedules", specification.kind, field="schedule.kind")
    return plugins.checked(registered, ScheduleKind, "archsim.schedules", specification.kind)


def make_schedule(specification: ScheduleSpecification, stages: int, mini_batches: int) -> Schedule:
    """Return the schedule of a run over a number of stages and mini-batches.

    Raises
    ------
    InputError
        If no schedule of this kind is registered, or it cannot be as written.
    """
    kind = kind_of(specification)
    kinds = load_action_kinds(kind.actions)
    if specification.update is not None and not any(each.updates_weights for each in kinds.values()):
        raise InputError(
            f"a schedule of the kind '{specification.kind}' has no updates",
            field="schedule.update",
            value=specification.update,
            remedy="leave it out",
        )
    update = specification.update or kind.default_update
    shape = PipelineShape(stages, mini_batches, specification.micro_batches)
    return Schedule(specification.kind, shape, update, with_updates(kind.order, update), kinds)


def checked_profile(schedule: Schedule, edges: Edges | None = None) -> Profile:
    """Play a schedule through without a chip, a very long one as far as its rule is sure to have repeated.

    A rule that yields half a million actions without a mistake is taken to go on like that; the run
    itself still stops at a deadlock.

    Raises
    ------
    Deadlock, ScheduleError
        See `dry_run`.
    """
    shape = schedule.shape
    per_mini_batch = 3 * shape.stages * shape.micro_batches
    enough = max(2 * shape.stages, _CHECKED_ACTIONS // per_mini_batch)
    if shape.mini_batches <= enough:
        return dry_run(schedule, edges=edges)
    return dry_run(replace(schedule, shape=replace(shape, mini_batches=enough)), edges=edges)
