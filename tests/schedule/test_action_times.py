"""Schedules laid over time: against the dry run, closed forms, and runs of the longest path with other durations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.schedule import PipelineShape, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.action_times import ActionTimes, action_times
from archsim.schedule.specification import ScheduleSpecification

OWN_PLACES = ("sequential", "gpipe", "synchronous", "asynchronous", "zb-h1", "zb-h2", "stash", "bounded", "inference")
SHARED = ("interleaved", "breadth-first", "zb-v", "dualpipe-v")

shapes = st.builds(
    PipelineShape, stages=st.integers(1, 6), mini_batches=st.integers(1, 3), micro_batches=st.integers(1, 8)
)
times = st.builds(StageCycles, forward=st.integers(1, 6), backward=st.integers(1, 6), update=st.integers(0, 6))


def made(kind: str, shape: PipelineShape) -> Schedule:
    settings: dict[str, Any] = {"kind": kind, "micro_batches": shape.micro_batches}
    if kind == "bounded":
        settings["staleness_max"] = 1
    written = kind_of(ScheduleSpecification(kind=kind)).Settings.model_validate(settings)
    return make_schedule(written, shape.stages, shape.mini_batches)


@given(kind=st.sampled_from((*OWN_PLACES, *SHARED)), shape=shapes, data=st.data())
def test_uneven_stages_take_as_long_as_the_dry_run_says_and_store_as_much(
    kind: str, shape: PipelineShape, data: st.DataObject
) -> None:
    schedule = made(kind, shape)
    cycles = tuple(data.draw(times) for _ in range(shape.stages))
    found, profile = action_times(schedule, cycles), dry_run(schedule, cycles)
    assert found.makespan == profile.makespan
    assert len(found.actions) == profile.actions
    for stage in range(shape.stages):
        assert max(found.stored(stage)[1]) == profile.stored_max[stage]
        assert found.stored(stage)[1][-1] == 0
        if schedule.trains:
            assert found.staleness(stage) == profile.staleness[stage]


@given(kind=st.sampled_from((*OWN_PLACES, *SHARED)), shape=shapes, data=st.data(), side_by_side=st.booleans())
def test_idle_time_by_cause_adds_up_to_the_bubble(
    kind: str, shape: PipelineShape, data: st.DataObject, side_by_side: bool
) -> None:
    cycles = tuple(data.draw(times) for _ in range(shape.stages))
    found = action_times(made(kind, shape), cycles, side_by_side=side_by_side)
    bubble = found.bubble_by_cause()
    for place, row in enumerate(found.rows):
        worked = {cycle for number in row for cycle in range(found.begins[number], found.ends[number])}
        assert bubble[bubble["place"] == place]["idle"].sum() == found.makespan - len(worked)
    assert bubble["share"].sum() == pytest.approx(found.bubble_fraction, abs=1e-12)
    assert set(found.idle()["cause"]) <= {
        *("fill", "drain", "flush", "its turn at its place"),
        *(f"{what} from stage {stage}" for what in ("input", "gradient") for stage in range(shape.stages)),
    }


@given(kind=st.sampled_from((*OWN_PLACES, *SHARED)), shape=shapes, data=st.data())
def test_the_gain_of_halving_is_that_of_a_schedule_with_half_the_time(
    kind: str, shape: PipelineShape, data: st.DataObject
) -> None:
    schedule = made(kind, shape)
    doubled = st.builds(StageCycles, *(st.integers(least, 4).map(lambda half: 2 * half) for least in (1, 1, 0)))
    cycles = [data.draw(doubled) for _ in range(shape.stages)]
    found = action_times(schedule, cycles)
    gains = {(stage, kind): gain for stage, kind, _, gain in found.halving_gains().itertuples(index=False)}
    for stage, own in enumerate(cycles):
        halves = {name: getattr(own, name) // 2 for name in ("forward", "backward", "update")}
        for action, changed in (
            ("", StageCycles(**halves)),
            ("F", replace(own, forward=halves["forward"])),
            ("U", replace(own, update=halves["update"])),
        ):
            faster = tuple(changed if at == stage else other for at, other in enumerate(cycles))
            assert found.makespan - dry_run(schedule, faster).makespan == gains.get((stage, action), 0)


@given(kind=st.sampled_from((*OWN_PLACES, *SHARED)), shape=shapes, data=st.data())
def test_the_critical_path_has_no_gap(kind: str, shape: PipelineShape, data: st.DataObject) -> None:
    found = action_times(made(kind, shape), tuple(data.draw(times) for _ in range(shape.stages)))
    path = found.critical_path()
    assert path["begin"].tolist() == [0, *path["end"][:-1]]
    assert path["end"].iloc[-1] == found.makespan
    whole = found.halving_gains().query("action == ''")["path"].sum()
    assert whole == found.makespan


def laid(kind: str, stages: int, mini_batches: int, micro_batches: int, cycles: StageCycles) -> ActionTimes:
    return action_times(made(kind, PipelineShape(stages, mini_batches, micro_batches)), (cycles,) * stages)


def test_a_flushed_pipeline_fills_drains_and_flushes() -> None:
    """With f = b and u = 0, stage s is filled for s f, drained for s b, and waits 2 s f between two mini-batches."""
    found = laid("synchronous", 4, 3, 8, StageCycles(5, 5, 0)).bubble_by_cause()
    idle = {(place, cause): time for place, cause, time, _ in found.itertuples(index=False)}
    for place in range(1, 4):
        assert idle[place, "fill"] == idle[place, "drain"] == 5 * place
        assert idle[place, "flush"] == 2 * 2 * 5 * place
        # The rest of a stage's 3 f + 3 b a mini-batch is spent in it.
        assert idle[place, f"gradient from stage {place + 1}"] if place < 3 else True
    assert (0, "fill") not in idle


def test_an_asynchronous_pipeline_never_flushes() -> None:
    found = laid("asynchronous", 4, 6, 1, StageCycles(1, 2, 1)).bubble_by_cause()
    assert "flush" not in set(found["cause"])


def test_stages_of_a_place_without_an_order_are_served_as_they_come() -> None:
    schedule = made("asynchronous", PipelineShape(2, 1, 2))
    found = action_times(schedule, (StageCycles(1, 1, 1),) * 2, places=(0, 0))
    done = " ".join(f"{stage}:{action}" for stage, action in found.actions)
    assert done == "0:F0 0:F1 1:F0 1:B0 1:U0 0:B0 1:F1 0:U0 1:B1 1:U1 0:B1 0:U1"
    assert found.makespan == 12
    assert found.bubble_fraction == 0


def test_a_long_schedule_is_cut_to_whole_mini_batches() -> None:
    schedule = made("synchronous", PipelineShape(3, 100, 4))
    found = action_times(schedule, most_actions=100)
    assert found.schedule.shape.mini_batches == 2
    assert found.makespan == dry_run(made("synchronous", PipelineShape(3, 2, 4))).makespan
