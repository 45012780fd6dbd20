"""The schedules ``interleaved`` and ``breadth-first``: stages lie on fewer places in turn, each place holds several.

Stage s lies at place s mod P, the stages at a place are its virtual stages, and V P stages make the pipeline. A stage
is 1 / V of what a place does, so filling and draining take 1 / V as long; values pass between places V times.

`interleaved` is one forward, one backward with a flush (Narayanan et al., arXiv:2104.04473, Section 2.2): a place takes
a group of micro-batches through one of its stages after the other, and back through them in the reverse order. As many
forwards are ahead of the first backward as the way there and back takes, so that no place waits in between.
`breadth-first` (Lamy-Poirier, arXiv:2211.05953) takes all micro-batches of a mini-batch through one stage, then the
next one.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.errors import InputError
from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.shared_places import Turn, check_places, next_mini_batches, order_of
from archsim.schedule.specification import InterleavedSpecification, ScheduleSpecification

__all__ = ["breadth_first", "interleaved"]


def _places(stages: int) -> tuple[int, ...]:
    """Return two stages for each place, in turn."""
    return tuple(stage % _ceiling(stages, 2) for stage in range(stages))


def _ceiling(number: int, divisor: int) -> int:
    return -(-number // divisor)


def _rounds(shape: PipelineShape) -> int:
    """V: how often the pipeline passes the places."""
    return _ceiling(shape.stages, shape.place_count)


def _check_in_turn(shape: PipelineShape, kind: str) -> None:
    count = shape.place_count
    check_places(shape, kind, tuple(stage % count for stage in range(shape.stages)))


def _group(shape: PipelineShape, settings: InterleavedSpecification) -> int:
    """Return how many micro-batches a place takes through a stage before it turns to the next one."""
    places = shape.place_count
    if settings.group is None:
        return places
    if settings.group < places:
        raise InputError(
            "with smaller groups than there are places, a place would turn to its next stage before the others "
            "have passed the group on to it",
            field="schedule.group",
            value=settings.group,
            allowed=f"{places} or more",
            remedy="leave it out, or take fewer places",
        )
    return min(settings.group, max(shape.micro_batches, places))


def _interleaved(shape: PipelineShape, place: int, settings: InterleavedSpecification) -> Iterator[Turn]:
    _check_in_turn(shape, settings.kind)
    places, rounds, group = shape.place_count, _rounds(shape), _group(shape, settings)
    # Groups are whole: what there is no micro-batch or no stage for is left out behind.
    steps = rounds * _ceiling(shape.micro_batches, group) * group

    def step(kind: str, index: int) -> Turn:
        groups, within = divmod(index, rounds * group)
        turn, k = divmod(within, group)
        turn = turn if kind == "F" else rounds - 1 - turn
        return turn * places + place, Action(kind, groups * group + k)

    def mini_batch() -> Iterator[Turn]:
        ahead = min(steps, 2 * (places - 1 - place) + (rounds - 1) * group)
        yield from (step("F", index) for index in range(ahead))
        for index in range(steps):
            if ahead + index < steps:
                yield step("F", ahead + index)
            yield step("B", index)

    return next_mini_batches(shape, mini_batch)


def _breadth_first(shape: PipelineShape, place: int, settings: ScheduleSpecification) -> Iterator[Turn]:
    stages = [stage for stage, at in enumerate(shape.place_of_stage) if at == place]

    def mini_batch() -> Iterator[Turn]:
        block = range(shape.micro_batches)
        yield from ((stage, Action("F", k)) for stage in stages for k in block)
        yield from ((stage, Action("B", k)) for stage in reversed(stages) for k in block)

    return next_mini_batches(shape, mini_batch)


def _makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return N (V B (f + b + u) + (P - 1) (f + b)) for deferred updates and equal places in turn."""
    shape = schedule.shape
    places, in_turn = shape.place_count, tuple(stage % shape.place_count for stage in range(shape.stages))
    if shape.stages % places or shape.place_of_stage != in_turn or schedule.update != "deferred":
        return None
    both = cycles.forward + cycles.backward
    work = _rounds(shape) * shape.micro_batches * (both + cycles.update)
    return shape.mini_batches * (work + (places - 1) * both)


def _interleaved_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return what `_makespan` does where groups are whole."""
    if not isinstance(schedule.settings, InterleavedSpecification):
        raise TypeError(f"settings of interleaved are needed, and these are {type(schedule.settings).__name__}")
    whole = schedule.shape.micro_batches % _group(schedule.shape, schedule.settings) == 0
    return _makespan(schedule, cycles) if whole else None


def _breadth_first_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return what `_makespan` does where a place never waits for the last one."""
    return _makespan(schedule, cycles) if schedule.shape.micro_batches >= schedule.shape.place_count else None


def _interleaved_stored(schedule: Schedule, stage: int) -> int | None:
    return schedule.shape.micro_batches if schedule.update == "deferred" else None


def _exact(schedule: Schedule, stage: int) -> float | None:
    return 0.0 if schedule.update == "deferred" else None


interleaved = ScheduleKind(
    order_of(_interleaved),
    "deferred",
    "One forward, one backward over several stages a place, then a flush "
    "(Narayanan et al., interleaved 1F1B, arXiv:2104.04473).",
    Settings=InterleavedSpecification,
    closed_forms=ClosedForms(_interleaved_makespan, stored=_interleaved_stored, staleness=_exact),
    places=_places,
    turns=_interleaved,
)
breadth_first = ScheduleKind(
    order_of(_breadth_first),
    "deferred",
    "All micro-batches through one stage of a place after the other, forward and then back, then a flush "
    "(Lamy-Poirier, breadth-first, arXiv:2211.05953).",
    closed_forms=ClosedForms(
        _breadth_first_makespan,
        in_flight=lambda schedule, stage: schedule.shape.micro_batches,
        stored=lambda schedule, stage: schedule.shape.micro_batches,
        staleness=_exact,
    ),
    places=_places,
    turns=_breadth_first,
)
