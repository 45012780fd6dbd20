"""Whether the gradients of a schedule are those of the weights with which a mini-batch began."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from archsim.schedule.actions import Schedule
from archsim.schedule.checks import Profile

__all__ = ["Gradients", "gradients_of"]

#: *exact*: no update falls between actions of a mini-batch. *accumulated*: some do, but each stage has applied a
#: mini-batch before it starts on the next one, so gradients are exact where a U goes to what F and B do not read, and
#: reaches what they read at the end of the mini-batch. *previous*: those of the weights before the last update, which
#: forward and backward both meet on a set of crossbars of their own. *stale*: none of these.
Gradients = Literal["exact", "accumulated", "previous", "stale"]


#: How many actions are looked at.
_MOST_ACTIONS = 500_000


def gradients_of(schedule: Schedule, profile: Profile) -> Gradients:
    """Return what a schedule claims of its gradients.

    Parameters
    ----------
    schedule : Schedule
        Whose actions are looked at, half a million of them at most: a rule repeats, and a file of a whole run need not.
    profile : Profile
        What its dry run found.
    """
    if schedule.weight_sets > 1 and any(profile.staleness):
        return "previous"
    schedule = _beginning(schedule)
    stages = range(schedule.shape.stages)
    if not all(_flushes(schedule, stage) for stage in stages):
        return "stale"
    if any(profile.staleness) or any(_updates_in_parts(schedule, stage) for stage in stages):
        return "accumulated" if schedule.accumulates else "stale"
    return "exact"


def _beginning(schedule: Schedule) -> Schedule:
    """Return a schedule without the mini-batches that are not looked at."""
    shape = schedule.shape
    most = max(2, _MOST_ACTIONS // (len(schedule.kinds) * shape.stages * shape.micro_batches))
    return replace(schedule, shape=replace(shape, mini_batches=min(most, shape.mini_batches)))


def _flushes(schedule: Schedule, stage: int) -> bool:
    """Return whether a stage has applied all of a mini-batch, in its order, before it starts on the next one.

    In another order the same gradients add up to other bits.
    """
    kinds, count, applied = schedule.kinds, schedule.shape.micro_batches, 0
    for action in schedule.stage(stage):
        if applied < action.micro_batch // count * count:
            return False
        if kinds[action.kind].updates_weights:
            if action.micro_batches.start != applied:
                return False
            applied = action.micro_batches.stop
    return True


def _updates_in_parts(schedule: Schedule, stage: int) -> bool:
    """Return whether an update of a stage applies less than a mini-batch."""
    kinds, count = schedule.kinds, schedule.shape.micro_batches
    return any(kinds[action.kind].updates_weights and action.count < count for action in schedule.stage(stage))
