"""The schedules ``zb-v`` and ``dualpipe-v``: the pipeline goes down the places and back up, so that its ends meet.

Of 2 P stages, s and 2 P - 1 - s lie at one place. The first place holds the first stage and the last one, and the loss
is known where the micro-batch came in.

`zb-v` is the schedule of Qi et al., Pipeline Parallelism with Controllable Memory, arXiv:2405.15362, with U in the
place of their W; each U applies one micro-batch. `dualpipe-v` is the V-shaped half of DeepSeek's DualPipe
(arXiv:2412.19437, Section 3.2; github.com/deepseek-ai/DualPipe), cut in half by Sea AI Lab ("DualPipe could be better
without the Dual"): F of one stage of a place goes with B of the other, and U follows its B but where the pipeline fills
and drains. Both are told for at least about 2 P micro-batches; of fewer, those that there are not are left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.shared_places import Turn, check_places, next_mini_batches, order_of
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["dualpipe_v", "zb_v"]


def _fold(stages: int) -> tuple[int, ...]:
    """Return the places: of an odd number of stages, the first one lies alone."""
    last = stages - 1 + stages % 2
    return tuple(min(stage, last - stage) for stage in range(stages))


class _Stage:
    """What one of the two stages of a place does next; `name` it by the action."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._done = {"F": 0, "B": 0, "U": 0}

    def next(self, kind: str) -> Turn:
        k = self._done[kind]
        self._done[kind] = k + 1
        return self._index, Action(kind, k)

    def left(self, kind: str, micro_batches: int) -> Iterator[Turn]:
        while self._done[kind] < micro_batches:
            yield self.next(kind)


def _ends(shape: PipelineShape, place: int, kind: str) -> tuple[int, _Stage, _Stage]:
    """Return the number of places, and the two stages of one: on the way down and on the way up."""
    check_places(shape, kind, _fold(shape.stages))
    places = shape.place_count
    return places, _Stage(place), _Stage(2 * places - 1 - place)


def _zb_v(shape: PipelineShape, place: int, settings: ScheduleSpecification) -> Iterator[Turn]:
    def mini_batch() -> Iterator[Turn]:
        places, down, up = _ends(shape, place, settings.kind)
        count = max(shape.micro_batches, 2 * places - 1)
        # Micro-batches pass down, meet those that come up, and the first ones come back.
        first = 2 * (places - place) - 1
        yield from (down.next("F") for _ in range(first))
        for _ in range(place):
            yield up.next("F")
            yield down.next("F")
        for _ in range(places - place):
            yield from (up.next(kind) for kind in "FBU")
        # One of each at both stages: six actions, in which the place never waits.
        begun, returned = first + place, places
        while returned < count:
            if begun < count:
                yield down.next("F")
                begun += 1
            yield from (down.next(kind) for kind in "BU")
            yield from (up.next(kind) for kind in "FBU")
            returned += 1
        # The last gradients go back at once; updates fill the time until they pass here.
        for _ in range(place):
            yield down.next("B")
            yield up.next("B")
        for _ in range(places - place):
            yield from (down.next(kind) for kind in "BU")
        yield from up.left("U", count)
        yield from down.left("U", count)

    return next_mini_batches(shape, mini_batch)


def _dualpipe_v(shape: PipelineShape, place: int, settings: ScheduleSpecification) -> Iterator[Turn]:
    def mini_batch() -> Iterator[Turn]:
        places, down, up = _ends(shape, place, settings.kind)
        count, behind = max(shape.micro_batches, 2 * places), places - 1 - place
        late: deque[Turn] = deque()

        def backward(stage: _Stage, *, puts_off: bool = False) -> Iterator[Turn]:
            yield stage.next("B")
            if puts_off:
                late.append(stage.next("U"))
            else:
                yield stage.next("U")

        yield from (down.next("F") for _ in range(2 * behind))
        for _ in range(place + 1):
            yield down.next("F")
            yield up.next("F")
        for _ in range(behind):
            yield from backward(up)
            yield up.next("F")
        for _ in range(count - 2 * places + place + 1):
            yield down.next("F")
            yield from backward(up)
            yield up.next("F")
            yield from backward(down)
        for _ in range(behind):
            yield from backward(up)
            yield up.next("F")
            yield from backward(down)
        # In the second half of what is left of both, updates are put off until a gradient would have to be waited for.
        for index in range(2 * (place + 1)):
            yield from backward(down if index % 2 else up, puts_off=index > place)
        for _ in range(behind):
            yield late.popleft()
            yield from backward(down, puts_off=True)
        yield from late

    return next_mini_batches(shape, mini_batch)


def _makespan(schedule: Schedule, cycles: StageCycles, least: int, fills: int | None) -> int | None:
    """Return 2 K (f + b + u) + (P - 1) f for each time that the pipeline fills; without updates, for f = b.

    Parameters
    ----------
    schedule, cycles
        What is asked for.
    least : int
        Micro-batches of a mini-batch that it takes at least.
    fills : int or None
        How often the pipeline fills where updates take time; None where that is not known.
    """
    shape, filling = schedule.shape, (schedule.shape.place_count - 1) * cycles.forward
    if shape.micro_batches < least or shape.stages % 2:
        return None
    if cycles.update == 0:
        even = cycles.forward == cycles.backward
        return 4 * shape.total * cycles.forward + 2 * shape.mini_batches * filling if even else None
    work = 2 * shape.total * (cycles.forward + cycles.backward + cycles.update)
    return None if fills is None else work + fills * filling


def _zb_v_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return (6 K + P - 1) f for f = b = u and B >= 2 P - 1: only the first mini-batch fills the pipeline."""
    alike = cycles.forward == cycles.backward == cycles.update
    return _makespan(schedule, cycles, 2 * schedule.shape.place_count - 1, 1 if alike else None)


def _dualpipe_v_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return N (2 B (f + b + u) + (P - 1) f) for b = u <= f <= 2 b and B >= 2 P: every mini-batch fills it."""
    fitting = cycles.backward == cycles.update <= cycles.forward <= 2 * cycles.backward
    fills = schedule.shape.mini_batches if fitting else None
    return _makespan(schedule, cycles, 2 * schedule.shape.place_count, fills)


def _in_flight(schedule: Schedule, stage: int) -> int:
    """Return min(B, 2 P - s): what is between F and B is not there for longer than until U."""
    return min(schedule.shape.micro_batches, 2 * schedule.shape.place_count - stage)


zb_v = ScheduleKind(
    order_of(_zb_v),
    "scheduled",
    "Down the places and back up, with updates where a place would have to wait "
    "(Qi et al., ZB-V, arXiv:2405.15362, with U in the place of W).",
    closed_forms=ClosedForms(_zb_v_makespan, _in_flight),
    places=_fold,
    turns=_zb_v,
)
dualpipe_v = ScheduleKind(
    order_of(_dualpipe_v),
    "scheduled",
    "Down the places and back up, F of one stage of a place with B of the other "
    "(DualPipeV, the V-shaped half of DeepSeek's DualPipe, arXiv:2412.19437).",
    closed_forms=ClosedForms(_dualpipe_v_makespan, _in_flight),
    places=_fold,
    turns=_dualpipe_v,
)
