"""The schedule ``bounded``: asynchronous, with gradients that are at most so many updates late.

Bounded staleness as of Ho et al., More Effective Distributed ML via a Stale Synchronous Parallel Parameter Server (NIPS
2013), at the stages of a pipeline: with at most S + 1 micro-batches on their way at most S updates of a stage fall
between the F of one of them and its B. Where that is less than there are stages, micro-batches pass in rounds of S + 1:
one starts when the one S + 1 before is back at the first stage. In cycles of one F or B, round r of W = S + 1 and M
stages has F of its micro-batch j at stage s at 2 M r + 2 j + s, and B at 2 M (r + 1) + 2 j - 1 - s.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.closed_forms import passage, work
from archsim.schedule.specification import BoundedSpecification

__all__ = ["bounded"]


def _width(shape: PipelineShape, settings: BoundedSpecification) -> int:
    """Return how many micro-batches are on their way at most; more than there are stages would only wait."""
    return min(shape.stages, settings.staleness_max + 1)


def _order(shape: PipelineShape, stage: int, settings: BoundedSpecification) -> Iterator[Action]:
    width, total, around = _width(shape, settings), shape.total, 2 * shape.stages
    back, following = around - 1 - 2 * stage, 0  # Cycles from F to B; the F that comes next.
    for k in range(total):
        returns = k // width * around + 2 * (k % width) + back
        while following < total and following // width * around + 2 * (following % width) < returns:
            yield Action("F", following)
            following += 1
        yield Action("B", k)


def _settings(schedule: Schedule) -> BoundedSpecification:
    if not isinstance(schedule.settings, BoundedSpecification):
        raise TypeError(f"settings of bounded are needed, and these are {type(schedule.settings).__name__}")
    return schedule.settings


def _makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return M (f + b) + W u for each round but the last, which ends as that of ``asynchronous`` does."""
    if cycles.update and schedule.update != "immediate":
        return None  # An update of a whole mini-batch holds up the stages before and behind.
    width, way = _width(schedule.shape, _settings(schedule)), passage(schedule, cycles)
    rounds, left = divmod(schedule.shape.total - 1, width)
    return rounds * (way + cycles.forward + cycles.backward + width * cycles.update) + way + (left + 1) * work(cycles)


def _late(schedule: Schedule, stage: int, k: int) -> int:
    """Return how many updates of a stage fall between F and B of a micro-batch, where one follows every B."""
    width, following = _width(schedule.shape, _settings(schedule)), schedule.shape.stages - 1 - stage
    number, place = divmod(k, width)
    of_round_before = max(0, width - 1 - stage - place) if number else 0
    return min(place, following) + of_round_before


def _in_flight(schedule: Schedule, stage: int) -> int:
    """Return one more than the most that is late: what is applied in between was in flight, too."""
    repeats = 2 * _width(schedule.shape, _settings(schedule))
    return 1 + max(_late(schedule, stage, k) for k in range(min(schedule.shape.total, repeats)))


def _stored(schedule: Schedule, stage: int) -> int | None:
    return None if schedule.update == "deferred" else _in_flight(schedule, stage)


def _staleness(schedule: Schedule, stage: int) -> float | None:
    if schedule.update == "deferred":
        return None
    total, width = schedule.shape.total, _width(schedule.shape, _settings(schedule))
    first = sum(_late(schedule, stage, k) for k in range(min(total, width)))
    rounds, left = divmod(max(total - width, 0), width)
    others = [_late(schedule, stage, k) for k in range(width, 2 * width)]
    return (first + rounds * sum(others) + sum(others[:left])) / total


bounded = ScheduleKind(
    _order,
    "immediate",
    "Continuous one forward, one backward with at most `staleness_max` updates between them "
    "(bounded staleness as of Ho et al., NIPS 2013).",
    Settings=BoundedSpecification,
    closed_forms=ClosedForms(_makespan, _in_flight, _stored, _staleness),
)
