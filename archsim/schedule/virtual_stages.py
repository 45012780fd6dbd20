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


def _steps(shape: PipelineShape, settings: InterleavedSpecification) -> int:
    """Return the forwards of a mini-batch at a place: of whole groups, also where there are fewer micro-batches."""
    group = _group(shape, settings)
    return _rounds(shape) * _ceiling(shape.micro_batches, group) * group


def _ahead(shape: PipelineShape, place: int, settings: InterleavedSpecification) -> int:
    """Return how many forwards of a mini-batch a place begins before its first backward."""
    behind = (_rounds(shape) - 1) * _group(shape, settings)
    return min(_steps(shape, settings), 2 * (shape.place_count - 1 - place) + behind)


def _interleaved(shape: PipelineShape, place: int, settings: InterleavedSpecification) -> Iterator[Turn]:
    _check_in_turn(shape, settings.kind)
    places, rounds, group = shape.place_count, _rounds(shape), _group(shape, settings)
    # What there is no micro-batch or no stage for is left out behind.
    steps = _steps(shape, settings)

    def step(kind: str, index: int) -> Turn:
        groups, within = divmod(index, rounds * group)
        turn, k = divmod(within, group)
        turn = turn if kind == "F" else rounds - 1 - turn
        return turn * places + place, Action(kind, groups * group + k)

    def mini_batch() -> Iterator[Turn]:
        ahead = _ahead(shape, place, settings)
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


def _interleaved_settings(schedule: Schedule) -> InterleavedSpecification:
    if not isinstance(schedule.settings, InterleavedSpecification):
        raise TypeError(f"settings of interleaved are needed, and these are {type(schedule.settings).__name__}")
    return schedule.settings


def _interleaved_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return what `_makespan` does where groups are whole."""
    whole = schedule.shape.micro_batches % _group(schedule.shape, _interleaved_settings(schedule)) == 0
    return _makespan(schedule, cycles) if whole else None


def _interleaved_in_flight(schedule: Schedule, stage: int) -> int:
    """Return the most of n + 1 - done(n) over the micro-batches n of a mini-batch.

    With V stages at a place, groups of g and W forwards ahead (`_ahead`), F of micro-batch n = q g + k at stage v P + p
    is step i = q V g + v g + k of its place. i - W backwards stand before it, and they come in the same groups, from
    the last stage of the place to the first: done(n), those of this stage, are g for each V g steps, and of what is
    left all behind (V - 1 - v) g, g at most. For V = 2, whole groups and g = P, the most is
    min(B, (1 - v) P + min(P, 2 (P - p) - 1)).
    """
    shape, settings = schedule.shape, _interleaved_settings(schedule)
    group, rounds = _group(shape, settings), _rounds(shape)
    turn, place = divmod(stage, shape.place_count)
    ahead, before, most = _ahead(shape, place, settings), (rounds - 1 - turn) * group, 0
    # Behind the third group everything repeats.
    for n in range(min(shape.micro_batches, 3 * group)):
        index = n // group * rounds * group + turn * group + n % group
        groups, rest = divmod(max(0, index - ahead), rounds * group)
        most = max(most, n + 1 - groups * group - min(max(rest - before, 0), group))
    return most


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
    closed_forms=ClosedForms(_interleaved_makespan, _interleaved_in_flight, _interleaved_stored, _exact),
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
