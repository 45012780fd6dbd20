"""The schedule ``hybrid``: asynchronous while much is to be learned, synchronous to finish.

Until so many mini-batches have passed, every stage does what it does in ``asynchronous``; then the pipeline drains, and
every stage does what it does in ``synchronous``. The change takes no more than that drain: weights stay where they are.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.closed_forms import mean_of_rising, passage, work
from archsim.schedule.generators import one_forward_one_backward
from archsim.schedule.specification import HybridSpecification

__all__ = ["hybrid"]


def _asynchronous(shape: PipelineShape, settings: HybridSpecification) -> int:
    """Return how many micro-batches pass asynchronously."""
    return min(settings.asynchronous_mini_batches, shape.mini_batches) * shape.micro_batches


def _order(shape: PipelineShape, stage: int, settings: HybridSpecification) -> Iterator[Action]:
    change, ahead, each = _asynchronous(shape, settings), shape.stages - stage, shape.micro_batches
    for action in one_forward_one_backward(0, change, ahead):
        yield action
        if action.kind == "B":
            yield Action("U", action.micro_batch)
    for start in range(change, shape.total, each):
        yield from one_forward_one_backward(start, each, ahead)
        yield Action("U", start + each - 1, each)


def _settings(schedule: Schedule) -> HybridSpecification:
    if not isinstance(schedule.settings, HybridSpecification):
        raise TypeError(f"settings of hybrid are needed, and these are {type(schedule.settings).__name__}")
    return schedule.settings


def _parts(schedule: Schedule) -> tuple[int, int]:
    """Return the micro-batches that pass asynchronously, and those of a flush: none where all do."""
    change = _asynchronous(schedule.shape, _settings(schedule))
    return change, schedule.shape.micro_batches if change < schedule.shape.total else 0


def _makespan(schedule: Schedule, cycles: StageCycles) -> int:
    """Return K (f + b + u), and the way through all other stages once for each time that the pipeline drains."""
    shape, (change, _) = schedule.shape, _parts(schedule)
    drains = (change > 0) + (shape.total - change) // shape.micro_batches
    return drains * passage(schedule, cycles) + shape.total * work(cycles)


def _in_flight(schedule: Schedule, stage: int) -> int:
    return min(max(_parts(schedule)), schedule.shape.stages - stage)


def _stored(schedule: Schedule, stage: int) -> int:
    change, flushed = _parts(schedule)
    return max(min(change, schedule.shape.stages - stage), flushed)


def _staleness(schedule: Schedule, stage: int) -> float:
    """Return that of ``asynchronous`` for its share of the micro-batches; none of the others is late."""
    change, _ = _parts(schedule)
    late = mean_of_rising(change, schedule.shape.stages - stage - 1) if change else 0.0
    return late * change / schedule.shape.total


hybrid = ScheduleKind(
    _order,
    "scheduled",
    "Asynchronous for the first `asynchronous_mini_batches`, synchronous from then on.",
    Settings=HybridSpecification,
    closed_forms=ClosedForms(_makespan, _in_flight, _stored, _staleness),
    accumulates=False,
)
