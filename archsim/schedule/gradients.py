"""Whether the gradients of a schedule are those of the weights with which a mini-batch began."""

from __future__ import annotations

from itertools import takewhile
from typing import Literal

from archsim.schedule.actions import Schedule
from archsim.schedule.checks import Profile

__all__ = ["Gradients", "gradients_of"]

#: *exact*: no update falls between actions of a mini-batch. *accumulated*: some do, but each stage has applied a
#: mini-batch before it starts on the next one, so gradients are exact where a U goes to what F and B do not read, and
#: reaches what they read at the end of the mini-batch. *previous*: those of the weights before the last update, which
#: forward and backward both meet on a set of crossbars of their own. *stale*: none of these.
Gradients = Literal["exact", "accumulated", "previous", "stale"]


def gradients_of(schedule: Schedule, profile: Profile) -> Gradients:
    """Return what a schedule claims of its gradients.

    Parameters
    ----------
    schedule : Schedule
        Whose actions are looked at, of the first mini-batch at each stage.
    profile : Profile
        What its dry run found.
    """
    if schedule.weight_sets > 1 and any(profile.staleness):
        return "previous"
    if not all(_flushes(schedule, stage) for stage in range(schedule.shape.stages)):
        return "stale"
    if any(profile.staleness) or schedule.micro_batches_of_update < schedule.shape.micro_batches:
        return "accumulated" if schedule.accumulates else "stale"
    return "exact"


def _flushes(schedule: Schedule, stage: int) -> bool:
    """Return whether a stage has applied all of the first mini-batch, in its order, before it starts on the next one.

    In another order the same gradients add up to other bits.
    """
    kinds, count = schedule.kinds, schedule.shape.micro_batches
    first = takewhile(lambda action: action.micro_batch < count, schedule.stage(stage))
    applied = [k for action in first if kinds[action.kind].updates_weights for k in action.micro_batches]
    return applied == list(range(count))
