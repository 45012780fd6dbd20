"""Schedules whose gradients are late: by how much, and what becomes of them at their limits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.schedule import PipelineShape, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

shapes = st.builds(
    PipelineShape, stages=st.integers(1, 7), mini_batches=st.integers(1, 4), micro_batches=st.integers(1, 8)
)
times = st.builds(StageCycles, forward=st.integers(1, 6), backward=st.integers(1, 6), update=st.integers(0, 6))


def made(kind: str, shape: PipelineShape, **settings: Any) -> Schedule:
    found = kind_of(ScheduleSpecification(kind=kind)).Settings
    written = found.model_validate({"kind": kind, "micro_batches": shape.micro_batches} | settings)
    return make_schedule(written, shape.stages, shape.mini_batches)


def updates_between(schedule: Schedule, stage: int) -> list[int]:
    """Return for each micro-batch how many updates stand between its F and its B in the list of a stage."""
    updates, met, late = 0, {}, {}
    for action in schedule.stage(stage):
        if action.kind == "F":
            met[action.micro_batch] = updates
        elif action.kind == "B":
            late[action.micro_batch] = updates - met[action.micro_batch]
        updates += action.kind == "U"
    return [late[k] for k in range(schedule.shape.total)]


@given(shape=shapes, bound=st.integers(0, 8), late=st.booleans())
def test_no_gradient_of_bounded_is_later_than_the_bound(shape: PipelineShape, bound: int, late: bool) -> None:
    update = "deferred" if late else "immediate"
    schedule = made("bounded", shape, staleness_max=bound, update=update)
    found = [updates_between(schedule, stage) for stage in range(shape.stages)]
    assert max(map(max, found)) <= bound
    if not late and shape.total > bound and shape.stages > bound:
        assert max(found[0]) == bound  # The bound is reached.
    assert dry_run(schedule).staleness == pytest.approx([sum(each) / shape.total for each in found])


@given(shape=shapes, bound=st.integers(0, 8), cycles=times)
def test_the_forms_of_bounded_hold_for_every_bound(shape: PipelineShape, bound: int, cycles: StageCycles) -> None:
    schedule = made("bounded", shape, staleness_max=bound)
    profile = dry_run(schedule, (cycles,) * shape.stages)
    known = schedule.closed_forms.of(schedule, cycles)
    assert known["makespan_cycles"] == profile.makespan
    assert known["in_flight"] == profile.in_flight_max
    assert known["stored"] == profile.stored_max
    assert known["staleness"] == pytest.approx(profile.staleness)


@given(shape=shapes, bound=st.integers(0, 6))
def test_a_looser_bound_is_never_slower(shape: PipelineShape, bound: int) -> None:
    cycles = (StageCycles(1, 1, 1),) * shape.stages
    one, other = (dry_run(made("bounded", shape, staleness_max=s), cycles).makespan for s in (bound, bound + 1))
    assert other <= one
    assert (other < one) == (bound + 1 < shape.stages and shape.total > bound + 1)


@given(shape=shapes)
def test_the_limits_of_bounded(shape: PipelineShape) -> None:
    assert made("bounded", shape, staleness_max=0).to_text() == made("sequential", shape, update="immediate").to_text()
    free = made("bounded", shape, staleness_max=shape.stages - 1)
    assert free.to_text() == made("asynchronous", shape).to_text()
    between = made("bounded", PipelineShape(4, 1, 6), staleness_max=1)
    assert between.to_text() not in {made(k, between.shape).to_text() for k in ("sequential", "asynchronous")}


def test_the_order_of_bounded() -> None:
    schedule = made("bounded", PipelineShape(stages=3, mini_batches=4, micro_batches=1), staleness_max=1)
    assert schedule.to_text().splitlines() == [
        "F0 F1 B0 U0 F2 B1 U1 F3 B2 U2 B3 U3",
        "F0 F1 B0 U0 B1 U1 F2 F3 B2 U2 B3 U3",
        "F0 B0 U0 F1 B1 U1 F2 B2 U2 F3 B3 U3",
    ]


@given(shape=shapes, change=st.integers(0, 5))
def test_hybrid_is_asynchronous_before_and_synchronous_after(shape: PipelineShape, change: int) -> None:
    schedule = made("hybrid", shape, asynchronous_mini_batches=change)
    change = min(change, shape.mini_batches)
    each = shape.micro_batches
    before = made("asynchronous", PipelineShape(shape.stages, change, each))
    after = made("synchronous", PipelineShape(shape.stages, shape.mini_batches - change, each))
    for stage in range(shape.stages):
        first = list(before.stage(stage)) if change else []
        then = [a._replace(micro_batch=a.micro_batch + change * each) for a in after.stage(stage)]
        assert list(schedule.stage(stage)) == first + then
        late = updates_between(schedule, stage)
        assert late[: change * each] == [min(k, shape.stages - 1 - stage) for k in range(change * each)]
        assert not any(late[change * each :])


@given(shape=shapes, change=st.integers(0, 5), cycles=times)
def test_the_forms_of_hybrid_hold_for_every_change(shape: PipelineShape, change: int, cycles: StageCycles) -> None:
    schedule = made("hybrid", shape, asynchronous_mini_batches=change)
    profile = dry_run(schedule, (cycles,) * shape.stages)
    known = schedule.closed_forms.of(schedule, cycles)
    assert known["makespan_cycles"] == profile.makespan
    assert known["in_flight"] == profile.in_flight_max
    assert known["stored"] == profile.stored_max
    assert known["staleness"] == pytest.approx(profile.staleness)
