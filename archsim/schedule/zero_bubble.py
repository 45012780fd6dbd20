"""The schedules ``zb-h1`` and ``zb-h2``: updates fill the time in which a stage would have to wait.

Qi et al., Zero Bubble Pipeline Parallelism, arXiv:2401.10241. There the gradient of the weights, W, is taken out of the
backward and put off; here U takes its place, and each of them applies one micro-batch. ZB-H1 has as many micro-batches
between F and B as `synchronous`; stage s puts U off by s micro-batches, so that every stage stores as many as the first
one. ZB-H2 runs F ahead by nearly twice as many and puts U off by 2 s, so that a stage that has begun never waits: F, B
and U of a cycle each fill a parallelogram, and the next mini-batch follows without a gap. In both, a stage has applied
all of a mini-batch before it starts on the next one.

What is the same for a W is not for a U: weights change at once, and what is in flight meets them.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.specification import ZeroBubbleH2Specification, ZeroBubbleSpecification

__all__ = ["zb_h1", "zb_h2"]

_Settings = ZeroBubbleSpecification | ZeroBubbleH2Specification


def _most(shape: PipelineShape, settings: _Settings) -> int:
    """Return the micro-batches between F and U with which no time is lost."""
    if isinstance(settings, ZeroBubbleH2Specification):
        # Of a short mini-batch, what runs further ahead would only hold up the gradients.
        return min(2 * shape.stages - 1, shape.micro_batches)
    return shape.stages


def _depths(shape: PipelineShape, stage: int, settings: _Settings) -> tuple[int, int]:
    """Return by how many micro-batches F runs ahead of B, and U falls behind it."""
    step = 2 if isinstance(settings, ZeroBubbleH2Specification) else 1
    bound = _most(shape, settings) if settings.stored_max is None else settings.stored_max
    ahead = min(step * (shape.stages - 1 - stage) + 1, bound)
    return ahead, min(step * stage, bound - ahead)


def _order(shape: PipelineShape, stage: int, settings: _Settings) -> Iterator[Action]:
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


def _settings(schedule: Schedule) -> _Settings:
    if not isinstance(schedule.settings, _Settings):
        raise TypeError(f"settings of a zero-bubble schedule are needed, not {type(schedule.settings).__name__}")
    return schedule.settings


def _bounded(schedule: Schedule) -> bool:
    """Return whether there is no space to put updates off."""
    bound = _settings(schedule).stored_max
    return bound is not None and bound < _most(schedule.shape, _settings(schedule))


def _h1_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return N ((M + B - 1) (f + b) + max(1, B - M + 1) u): where B >= M, a bubble of (M - 1) (f + b - u)."""
    shape = schedule.shape
    if cycles.update > min(cycles.forward, cycles.backward) or _bounded(schedule):
        return None  # Updates no longer fit into the waits.
    passes = (shape.stages + shape.micro_batches - 1) * (cycles.forward + cycles.backward)
    left = max(1, shape.micro_batches - shape.stages + 1)
    return shape.mini_batches * (passes + left * cycles.update)


def _h2_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return K (f + b + u) + (M - 1) f where no stage makes the last one wait; without updates, that of `synchronous`.

    With B >= 2 M - 1 that is so for b <= f and f + b <= 2 u; of a single mini-batch for b <= 2 f and b <= 2 u, since a
    stage may wait by f more than the next one does; and for B >= M, too, if f = b = u.
    """
    shape, (f, b, u) = schedule.shape, (cycles.forward, cycles.backward, cycles.update)
    if _bounded(schedule):
        return None
    if u == 0:
        return shape.mini_batches * (shape.stages + shape.micro_batches - 1) * (f + b)
    if shape.micro_batches >= 2 * shape.stages - 1:
        full = (b <= f and f + b <= 2 * u) or (shape.mini_batches == 1 and b <= 2 * min(f, u))
    else:
        full = shape.mini_batches == 1 and shape.micro_batches >= shape.stages and f == b == u
    return shape.total * (f + b + u) + (shape.stages - 1) * f if full else None


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
    closed_forms=ClosedForms(_h1_makespan, _in_flight, _stored, _staleness),
)
zb_h2 = ScheduleKind(
    _order,
    "scheduled",
    "Twice as far ahead as one forward, one backward, with updates put off so that no stage waits once it has begun "
    "(Qi et al., ZB-H2, arXiv:2401.10241, with U in the place of W).",
    Settings=ZeroBubbleH2Specification,
    closed_forms=ClosedForms(_h2_makespan, _in_flight, _stored, _staleness),
)
