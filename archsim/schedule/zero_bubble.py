"""The schedule ``zb-h1``: updates fill the time in which a stage would have to wait.

Qi et al., Zero Bubble Pipeline Parallelism, arXiv:2401.10241, ZB-H1. There the gradient of the weights, W, is taken
out of the backward and put off; here U takes its place, and each of them applies one micro-batch. Between F and B there
are as many micro-batches as in `synchronous`; stage s puts U off by s micro-batches, so that every stage stores as many
as the first one. A mini-batch ends with a flush: every stage has applied all of it before it starts on the next one.

What is the same for a W is not for a U: weights change at once, and what is in flight meets them.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.specification import ZeroBubbleSpecification

__all__ = ["zb_h1"]


def _depths(shape: PipelineShape, stage: int, settings: ZeroBubbleSpecification) -> tuple[int, int]:
    """Return by how many micro-batches F runs ahead of B, and U falls behind it."""
    bound = settings.stored_max or shape.stages
    ahead = min(shape.stages - stage, bound)
    return ahead, min(stage, bound - ahead)


def _order(shape: PipelineShape, stage: int, settings: ZeroBubbleSpecification) -> Iterator[Action]:
    ahead, behind = _depths(shape, stage, settings)
    for start in range(0, shape.total, shape.micro_batches):
        end = start + shape.micro_batches
        yield from (Action("F", k) for k in range(start, min(start + ahead, end)))
        for k in range(start, end):
            yield Action("B", k)
            if k - behind >= start:
                yield Action("U", k - behind)
            if k + ahead < end:
                yield Action("F", k + ahead)
        yield from (Action("U", k) for k in range(max(end - behind, start), end))


def _settings(schedule: Schedule) -> ZeroBubbleSpecification:
    if not isinstance(schedule.settings, ZeroBubbleSpecification):
        raise TypeError(f"settings of zb-h1 are needed, and these are {type(schedule.settings).__name__}")
    return schedule.settings


def _makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return N ((M + B - 1) (f + b) + max(1, B - M + 1) u): where B >= M, a bubble of (M - 1) (f + b - u)."""
    shape, bound = schedule.shape, _settings(schedule).stored_max
    if cycles.update > min(cycles.forward, cycles.backward) or (bound is not None and bound < shape.stages):
        return None  # Updates no longer fit into the waits, or there is no space to put them off.
    passes = (shape.stages + shape.micro_batches - 1) * (cycles.forward + cycles.backward)
    left = max(1, shape.micro_batches - shape.stages + 1)
    return shape.mini_batches * (passes + left * cycles.update)


def _in_flight(schedule: Schedule, stage: int) -> int:
    ahead, _ = _depths(schedule.shape, stage, _settings(schedule))
    return min(schedule.shape.micro_batches, ahead)


def _stored(schedule: Schedule, stage: int) -> int:
    return min(schedule.shape.micro_batches, sum(_depths(schedule.shape, stage, _settings(schedule))))


def _staleness(schedule: Schedule, stage: int) -> float:
    """Return the mean over the micro-batches k of a mini-batch of min(max(k - behind, 0), ahead - 1)."""
    ahead, behind = _depths(schedule.shape, stage, _settings(schedule))
    count = schedule.shape.micro_batches
    return sum(min(max(k - behind, 0), ahead - 1) for k in range(count)) / count


zb_h1 = ScheduleKind(
    _order,
    "scheduled",
    "One forward, one backward within a mini-batch, with updates put off into the waits, then a flush "
    "(Qi et al., ZB-H1, arXiv:2401.10241, with U in the place of W).",
    Settings=ZeroBubbleSpecification,
    closed_forms=ClosedForms(_makespan, _in_flight, _stored, _staleness),
)
