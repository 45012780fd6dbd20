"""The schedule ``two-version``: asynchronous, with a second set of crossbars for every matrix.

Double-buffered weight updates as of PipeDream-2BW (Narayanan et al., arXiv:2006.09503) on crossbars, whose weights a U
changes in place. Mini-batch t reads set t mod 2, forward and backward, while the newest version lies on the other set.
Once a stage has done its last B of it, C copies that version onto set t mod 2, and the U of the mini-batch changes it
there: W(t + 1) = W(t) - lr grad f(W(t - 1)), with W(-1) = W(0). So each micro-batch meets the same weights forward and
backward, gradients of every stage are one mini-batch late, and no stage waits for a flush. The first mini-batch needs
no copy, since both sets begin with the initial weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.closed_forms import passage, work
from archsim.schedule.specification import TwoVersionSpecification

__all__ = ["two_version"]


def _begins(shape: PipelineShape, k: int) -> int:
    """Return the cycle in which a micro-batch begins at the first stage, where F and B take one each and U none.

    A mini-batch begins when the one before the last one is back at the first stage and has been applied there, or,
    where there are many micro-batches in each, right after the one before it.
    """
    mini_batch, place = divmod(k, shape.micro_batches)
    pair, second = divmod(mini_batch, 2)
    busy = 2 * shape.micro_batches
    return pair * max(2 * busy, busy + 2 * (shape.stages - 1)) + second * busy + 2 * place


def _order(shape: PipelineShape, stage: int, settings: TwoVersionSpecification) -> Iterator[Action]:
    each, back = shape.micro_batches, 2 * (shape.stages - stage) - 1  # Cycles from F to B.
    following = 0  # The F that comes next.
    for k in range(shape.total):
        returns = _begins(shape, k) + back
        while following < shape.total and _begins(shape, following) < returns:
            yield Action("F", following)
            following += 1
        yield Action("B", k)
        if shape.ends_mini_batch(k):
            if k >= each:
                yield Action("C", k, each)
            yield Action("U", k, each)


def _makespan(schedule: Schedule, cycles: StageCycles) -> int:
    """Return K (f + b + u) and one way through the other stages, or more where the way back holds up mini-batches."""
    shape = schedule.shape
    each, way = shape.micro_batches, passage(schedule, cycles)
    pairs = (shape.mini_batches - 1) // 2
    held_up = max(0, way - each * (cycles.forward + cycles.backward))
    return way + shape.total * work(cycles) + pairs * held_up


def _in_flight(schedule: Schedule, stage: int) -> int:
    """Return how many `asynchronous` has, but for what would not find its weights: two mini-batches at most."""
    shape = schedule.shape
    return min(shape.total, shape.stages - stage, 2 * shape.micro_batches)


def _stored(schedule: Schedule, stage: int) -> int:
    """Return a mini-batch that waits for its U, and what is in flight of the next one then."""
    shape = schedule.shape
    return min(shape.total, shape.micro_batches + min(shape.stages - stage - 1, shape.micro_batches))


def _staleness(schedule: Schedule, stage: int) -> float:
    """Return one update for each micro-batch but those of the first mini-batch."""
    return 1 - 1 / schedule.shape.mini_batches


two_version = ScheduleKind(
    _order,
    "scheduled",
    "Asynchronous, with a second set of crossbars: forward and backward meet the weights of the mini-batch before "
    "(in the manner of PipeDream-2BW, arXiv:2006.09503); conductances are copied once a mini-batch.",
    ("F", "B", "C", "U"),
    Settings=TwoVersionSpecification,
    closed_forms=ClosedForms(_makespan, _in_flight, _stored, _staleness),
    accumulates=False,
)
