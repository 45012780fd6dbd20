"""The schedule with two versions of weights: its order, its closed forms, and what of a list is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.schedule import Action, PipelineShape, Schedule, StageCycles, dry_run, gradients_of, make_schedule
from archsim.schedule.action_times import action_times
from archsim.schedule.schedule_error import ScheduleError
from archsim.schedule.specification import FileSpecification, TwoVersionSpecification

shapes = st.builds(
    PipelineShape, stages=st.integers(1, 8), mini_batches=st.integers(1, 5), micro_batches=st.integers(1, 16)
)
times = st.builds(StageCycles, forward=st.integers(1, 6), backward=st.integers(1, 6), update=st.integers(0, 6))


def made(shape: PipelineShape) -> Schedule:
    return make_schedule(TwoVersionSpecification(micro_batches=shape.micro_batches), shape.stages, shape.mini_batches)


def longest_path(schedule: Schedule, cycles: StageCycles) -> int:
    """Return the end of the longest path through the actions, in the order of lists and along the pipeline."""
    took = {"F": cycles.forward, "B": cycles.backward, "C": 0, "U": cycles.update}
    last = schedule.shape.stages - 1
    lists = [list(schedule.stage(stage)) for stage in range(last + 1)]
    ends: dict[tuple[int, str, int], int] = {}
    free, at = [0] * len(lists), [0] * len(lists)
    while any(at[stage] < len(lists[stage]) for stage in range(len(lists))):
        before = list(at)
        for stage, actions in enumerate(lists):
            while at[stage] < len(actions):
                kind, k, count = actions[at[stage]]
                needed = {"F": (stage - 1, "F", k), "B": (stage + 1, "B", k)}.get(kind)
                if needed is not None and 0 <= needed[0] <= last and needed not in ends:
                    break
                begins = max(free[stage], ends.get(needed, 0) if needed is not None else 0)
                free[stage] = ends[stage, kind, k] = begins + count * took[kind]
                at[stage] += 1
        assert at != before
    return max(free)


@given(shape=shapes, cycles=times)
def test_the_forms_hold_for_every_shape(shape: PipelineShape, cycles: StageCycles) -> None:
    schedule = made(shape)
    known = schedule.closed_forms.of(schedule, cycles)
    profile = dry_run(schedule, (cycles,) * shape.stages)
    assert known["makespan_cycles"] == longest_path(schedule, cycles) == profile.makespan
    assert known["in_flight"] == profile.in_flight_max
    assert known["stored"] == profile.stored_max
    assert known["staleness"] == pytest.approx(profile.staleness)
    times = action_times(schedule, (cycles,) * shape.stages)
    assert times.makespan == profile.makespan
    assert [times.staleness(stage) for stage in range(shape.stages)] == pytest.approx(profile.staleness)


@given(stages=st.integers(1, 8), more=st.integers(0, 8), mini_batches=st.integers(1, 4))
def test_as_long_as_asynchronous_with_enough_micro_batches(stages: int, more: int, mini_batches: int) -> None:
    shape = PipelineShape(stages, mini_batches, max(stages - 1, 1) + more)
    for cycles, expected in (
        (StageCycles(), 2 * (shape.total + stages - 1)),
        (StageCycles(1, 1, 1), 3 * shape.total + 2 * (stages - 1)),
    ):
        assert longest_path(made(shape), cycles) == expected


def test_the_order() -> None:
    schedule = made(PipelineShape(stages=3, mini_batches=3, micro_batches=2))
    assert schedule.to_text().splitlines() == [
        "F0 F1 F2 B0 F3 B1 U1*2 F4 B2 F5 B3 C3*2 U3*2 B4 B5 C5*2 U5*2",
        "F0 F1 B0 F2 B1 U1*2 F3 B2 F4 B3 C3*2 U3*2 F5 B4 B5 C5*2 U5*2",
        "F0 B0 F1 B1 U1*2 F2 B2 F3 B3 C3*2 U3*2 F4 B4 F5 B5 C5*2 U5*2",
    ]


@given(shape=shapes)
def test_what_each_micro_batch_meets(shape: PipelineShape) -> None:
    """F and B meet version t - 1 of the stage, whatever the others do; U goes to the newest one, t, by way of C."""
    schedule, each = made(shape), shape.micro_batches
    for stage in range(shape.stages):
        sets, newest = [0, 0], 0
        for kind, k, count in schedule.stage(stage):
            t = k // each
            if kind in "FB":
                assert sets[t % 2] == max(t - 1, 0)
            elif kind == "C":
                assert count == each
                sets[t % 2] = newest
            else:
                assert sets[t % 2] == newest == t
                newest = sets[t % 2] = t + 1
        assert newest == shape.mini_batches


@given(shape=shapes)
def test_what_it_claims(shape: PipelineShape) -> None:
    schedule = made(shape)
    claimed = gradients_of(schedule, dry_run(schedule))
    assert claimed == ("previous" if shape.mini_batches > 1 else "exact")
    assert schedule.weight_sets == 2
    assert [schedule.weight_set(k) for k in range(shape.total)] == [
        k // shape.micro_batches % 2 for k in range(shape.total)
    ]


def changed(schedule: Schedule, changes: dict[str, str | None]) -> Schedule:
    """Return a schedule in which actions of stage 0 stand for others; None for nothing."""

    def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
        for action in schedule.order(shape, stage):
            text = changes.get(str(action), str(action)) if stage == 0 else str(action)
            if text is not None:
                yield from map(Action.parse, text.split())

    return replace(schedule, order=order)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"C3*2": None}, r"stage 0 does U3\*2 on set 1 of its crossbars, which holds version 0 .* newest one is 1"),
        ({"U1*2": "U1*2 U1*2"}, r"stage 0 does U1\*2"),
        ({"C3*2": "B3", "B3": "C3*2"}, r"stage 0 does C3\*2 before B3"),
        ({"F4": None, "F2": "F2 F4"}, r"stage 0 does B4 on set 0 .* version 1 .* met version 0"),
    ],
)
def test_a_list_that_would_meet_other_weights_is_refused(changes: dict[str, str | None], told: str) -> None:
    schedule = made(PipelineShape(stages=2, mini_batches=3, micro_batches=2))
    lines = schedule.to_text().splitlines()
    assert lines[0] == "F0 F1 B0 F2 B1 U1*2 F3 B2 F4 B3 C3*2 U3*2 F5 B4 B5 C5*2 U5*2"
    with pytest.raises(ScheduleError, match=told) as refused:
        dry_run(changed(schedule, changes))
    assert refused.value.remedy


def test_a_file_lists_no_copies(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(made(PipelineShape(1, 2, 2)).to_text(), encoding="utf-8")
    with pytest.raises(InputError, match=r"row 1, cell \d+: C copies weights between sets of crossbars") as refused:
        make_schedule(FileSpecification(path=str(path), micro_batches=2), 1, 2)
    assert refused.value.field == "schedule.path"


def test_an_error_of_copies_that_are_exact_is_refused() -> None:
    with pytest.raises(ValueError, match="no error of programming"):
        TwoVersionSpecification.model_validate({"copies": "exact", "copy_noise": {"kind": "pcm-like"}})


def test_it_places_its_updates_itself() -> None:
    with pytest.raises(InputError, match="places its updates itself") as refused:
        make_schedule(TwoVersionSpecification(update="immediate"), 2, 2)
    assert refused.value.field == "schedule.update"
