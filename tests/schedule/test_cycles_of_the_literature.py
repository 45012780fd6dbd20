"""Makespans and memory of one-cycle actions as the literature states them: dry runs and longest paths, all sizes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim import plugins
from archsim.schedule import PipelineShape, Profile, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .longest_path import longest_path

UNIT = StageCycles(1, 1, 0)
FBU = StageCycles(1, 1, 1)
#: Kinds whose orders follow from the shape alone, of actions that `longest_path` knows.
ALONE = [
    name
    for name in plugins.names("archsim.schedules")
    if name != "file" and {*plugins.load("archsim.schedules", name).actions} <= {"F", "B", "Bs", "U", "L"}
]


def made(kind: str, shape: PipelineShape, **settings: Any) -> Schedule:
    found = kind_of(ScheduleSpecification(kind=kind)).Settings
    written = found.model_validate({"kind": kind, "micro_batches": shape.micro_batches} | settings)
    return make_schedule(written, shape.stages, shape.mini_batches)


def played(schedule: Schedule, cycles: StageCycles) -> Profile:
    """Return what a dry run finds, whose makespan is the longest path."""
    everywhere = (cycles,) * schedule.shape.stages
    profile = dry_run(schedule, everywhere)
    assert profile.makespan == longest_path(schedule, everywhere)
    return profile


@pytest.mark.parametrize("micro_batches", range(1, 17))
@pytest.mark.parametrize("stages", range(1, 9))
def test_one_cycle_for_each_action(stages: int, micro_batches: int) -> None:
    m, b, n = stages, micro_batches, 1 + (stages + micro_batches) % 3
    shape = PipelineShape(m, n, b)
    for kind in ("synchronous", "gpipe"):
        assert played(made(kind, shape), FBU).makespan == n * (3 * b + 2 * (m - 1))
        assert played(made(kind, shape), UNIT).makespan == n * 2 * (b + m - 1)
    assert played(made("asynchronous", shape), FBU).makespan == 3 * b * n + 2 * (m - 1)
    assert played(made("asynchronous", shape), UNIT).makespan == 2 * (b * n + m - 1)
    h1, h2 = played(made("zb-h1", shape), FBU), played(made("zb-h2", shape), FBU)
    if b >= m:
        assert h1.makespan == n * (3 * b + m - 1)
        assert played(made("zb-h2", PipelineShape(m, 1, b)), FBU).makespan == 3 * b + m - 1
    if b >= 2 * m - 1:
        assert h2.makespan == 3 * b * n + m - 1
    for s in range(m):
        assert h1.in_flight_max[s] <= m - s
        assert h2.in_flight_max[s] <= 2 * (m - s) - 1
        assert h1.in_flight_max[s] <= h1.stored_max[s] <= m
        assert h2.in_flight_max[s] <= h2.stored_max[s] <= 2 * m - 1


@pytest.mark.parametrize("places", range(1, 5))
@pytest.mark.parametrize("rounds", range(1, 4))
@pytest.mark.parametrize("kind", ["interleaved", "breadth-first"])
def test_stages_of_one_cycle_that_pass_places_in_turn(kind: str, rounds: int, places: int) -> None:
    v, p = rounds, places
    for b in range(p, 17, p):
        shape = PipelineShape(v * p, 1, b)
        assert played(made(kind, shape, places=p), UNIT).makespan == 2 * (v * b + p - 1)
        assert played(made(kind, shape, places=p), FBU).makespan == 3 * v * b + 2 * (p - 1)


@pytest.mark.parametrize("kind", ["zb-h1", "zb-h2"])
@given(
    shape=st.builds(PipelineShape, st.integers(1, 8), st.integers(1, 3), st.integers(1, 16)), bound=st.integers(1, 16)
)
def test_a_key_bounds_what_is_kept_from_forward_to_update(kind: str, shape: PipelineShape, bound: int) -> None:
    free, bounded = played(made(kind, shape), FBU), played(made(kind, shape, stored_max=bound), FBU)
    assert max(bounded.stored_max) <= bound
    assert bounded.makespan >= free.makespan


@given(
    kind=st.sampled_from(ALONE),
    shape=st.builds(PipelineShape, st.integers(1, 8), st.integers(1, 3), st.integers(1, 16)),
    data=st.data(),
)
def test_stages_of_different_lengths_take_the_longest_path(
    kind: str, shape: PipelineShape, data: st.DataObject
) -> None:
    own = st.builds(StageCycles, st.integers(1, 9), st.integers(1, 9), st.integers(0, 9))
    cycles = tuple(data.draw(own) for _ in range(shape.stages))
    schedule = made(kind, shape)
    assert dry_run(schedule, cycles).makespan == longest_path(schedule, cycles)
