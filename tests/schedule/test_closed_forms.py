"""The closed forms of every built-in schedule against a dry run, for small pipelines and any length of F, B and U."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim import plugins
from archsim.errors import InputError
from archsim.schedule import PipelineShape, Profile, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

from . import test_orders_of_places

KINDS = (
    "sequential",
    "gpipe",
    "synchronous",
    "asynchronous",
    "inference",
    "layer-serial",
    "zb-h1",
    "bounded",
    "hybrid",
    "stash",
    "two-version",
)
#: Without updates, or placing them.
NO_RULE = ("inference", "layer-serial", "zb-h1", "hybrid", "two-version")
UNIT = StageCycles(1, 1, 0)
FBU = StageCycles(1, 1, 1)

kinds = st.sampled_from(KINDS)
shapes = st.builds(
    PipelineShape, stages=st.integers(1, 7), mini_batches=st.integers(1, 4), micro_batches=st.integers(1, 12)
)
times = st.builds(StageCycles, forward=st.integers(1, 6), backward=st.integers(1, 6), update=st.integers(0, 6))


def made(kind: str, shape: PipelineShape, **settings: Any) -> Schedule:
    found = kind_of(ScheduleSpecification(kind=kind)).Settings
    written = found.model_validate({"kind": kind, "micro_batches": shape.micro_batches} | settings)
    return make_schedule(written, shape.stages, shape.mini_batches)


def played(schedule: Schedule, cycles: StageCycles) -> Profile:
    return dry_run(schedule, (cycles,) * schedule.shape.stages)


def makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    assert schedule.closed_forms.makespan is not None
    return schedule.closed_forms.makespan(schedule, cycles)


def test_every_registered_schedule_is_among_them() -> None:
    assert {*KINDS, *test_orders_of_places.KINDS, "file"} == set(plugins.names("archsim.schedules"))


@given(kind=kinds, shape=shapes, cycles=times, late=st.booleans())
def test_makespan(kind: str, shape: PipelineShape, cycles: StageCycles, late: bool) -> None:
    settings = {} if kind in NO_RULE else {"update": "deferred" if late else "immediate"}
    schedule = made(kind, shape, **settings)
    expected = makespan(schedule, cycles)
    if expected is None:
        assert cycles.update
        assert kind in ("asynchronous", "bounded", "stash") or (
            kind == "zb-h1" and cycles.update > min(cycles.forward, cycles.backward)
        )
    else:
        assert played(schedule, cycles).makespan == expected


@given(shape=shapes)
def test_makespan_in_the_cycles_of_the_literature(shape: PipelineShape) -> None:
    m, b, n = shape.stages, shape.micro_batches, shape.mini_batches
    expected = {
        "sequential": (2 * m * b * n, (2 * m + 1) * b * n),
        "gpipe": (2 * (m + b - 1) * n, (3 * b + 2 * (m - 1)) * n),
        "synchronous": (2 * (m + b - 1) * n, (3 * b + 2 * (m - 1)) * n),
        "asynchronous": (2 * (b * n + m - 1), 3 * b * n + 2 * (m - 1)),
        "inference": (b * n + m - 1, b * n + m - 1),
        "layer-serial": (b * n + m - 1, b * n + m - 1),
        "zb-h1": (2 * (m + b - 1) * n, (3 * b + m - 1 if b >= m else 2 * (b + m) - 1) * n),
    }
    for kind, (without, with_updates) in expected.items():
        schedule = made(kind, shape)
        assert makespan(schedule, UNIT) == without, kind
        assert makespan(schedule, FBU) == with_updates, kind


@given(kind=kinds, shape=shapes, cycles=times, late=st.booleans())
def test_what_is_in_flight_stored_and_stale(kind: str, shape: PipelineShape, cycles: StageCycles, late: bool) -> None:
    settings = {} if kind in NO_RULE else {"update": "deferred" if late else "immediate"}
    schedule = made(kind, shape, **settings)
    profile, forms = played(schedule, cycles), schedule.closed_forms
    told = 0
    for form, seen in (
        (forms.in_flight, profile.in_flight_max),
        (forms.stored, profile.stored_max),
        (forms.staleness, profile.staleness),
    ):
        expected = [form(schedule, stage) if form else None for stage in range(shape.stages)]
        if None not in expected:
            assert list(seen) == pytest.approx(expected, abs=1e-12)
            told += 1
    assert told == (
        1
        if kind in ("asynchronous", "bounded", "stash") and late
        else 2
        if kind in ("inference", "layer-serial")
        else 3
    )


@given(shape=shapes)
def test_in_flight_of_one_forward_one_backward(shape: PipelineShape) -> None:
    for kind in ("synchronous", "zb-h1"):
        profile = played(made(kind, shape), FBU)
        assert profile.in_flight_max == tuple(min(shape.micro_batches, shape.stages - s) for s in range(shape.stages))


# The zero-bubble schedule


def test_the_order_of_zb_h1() -> None:
    schedule = made("zb-h1", PipelineShape(stages=3, mini_batches=1, micro_batches=4))
    assert schedule.to_text().splitlines() == [
        "F0 F1 F2 B0 U0 F3 B1 U1 B2 U2 B3 U3",
        "F0 F1 B0 F2 B1 U0 F3 B2 U1 B3 U2 U3",
        "F0 B0 F1 B1 F2 B2 U0 F3 B3 U1 U2 U3",
    ]


@given(shape=shapes)
def test_a_mini_batch_of_zb_h1_is_applied_before_the_next_one_starts(shape: PipelineShape) -> None:
    schedule = made("zb-h1", shape)
    for stage in range(shape.stages):
        applied = 0
        for action in schedule.stage(stage):
            if action.kind == "F":
                assert applied >= action.micro_batch // shape.micro_batches * shape.micro_batches
            applied += action.kind == "U"
        assert applied == shape.total


@given(shape=shapes, bound=st.integers(1, 9))
def test_what_zb_h1_stores_is_bounded(shape: PipelineShape, bound: int) -> None:
    profile = played(made("zb-h1", shape, stored_max=bound), FBU)
    assert max(profile.stored_max) <= bound
    unbounded = played(made("zb-h1", shape), FBU)
    assert profile.makespan >= unbounded.makespan
    if bound >= shape.stages:
        assert profile == unbounded


@given(stages=st.integers(2, 7), more=st.integers(0, 8), mini_batches=st.integers(1, 3))
def test_as_many_as_stages_is_the_least_with_which_zb_h1_loses_no_time(
    stages: int, more: int, mini_batches: int
) -> None:
    shape = PipelineShape(stages, mini_batches, stages + more)
    free = made("zb-h1", shape)
    assert played(free, FBU).stored_max == (stages,) * stages
    bounded = made("zb-h1", shape, stored_max=stages - 1)
    assert played(bounded, FBU).makespan > played(free, FBU).makespan
    assert makespan(bounded, FBU) is None


@given(shape=shapes)
def test_zb_h1_never_takes_longer_than_one_forward_one_backward(shape: PipelineShape) -> None:
    gained = played(made("synchronous", shape), FBU).makespan - played(made("zb-h1", shape), FBU).makespan
    assert gained == (min(shape.stages, shape.micro_batches) - 1) * shape.mini_batches


# Who places updates


@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous"])
def test_a_schedule_that_places_no_update_is_not_asked_to(kind: str) -> None:
    with pytest.raises(InputError, match="places no updates itself") as refused:
        made(kind, PipelineShape(2, 1, 2), update="scheduled")
    assert refused.value.field == "schedule.update"


@pytest.mark.parametrize("update", ["immediate", "deferred"])
def test_a_schedule_that_places_updates_takes_no_others(update: str) -> None:
    with pytest.raises(InputError, match="places its updates itself") as refused:
        made("zb-h1", PipelineShape(2, 1, 2), update=update)
    assert refused.value.field == "schedule.update"
    assert made("zb-h1", PipelineShape(2, 1, 2), update="scheduled").update == "scheduled"
