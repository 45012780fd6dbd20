"""The textbook pipeline: cycles, slices and dependencies of every built-in schedule on the unit chip."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.schedule import PipelineShape, Schedule, StageCycles, dry_run, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

from .experiments import unit_pipeline

CYCLE_PS = 1000
KINDS = ("sequential", "gpipe", "synchronous", "asynchronous")


def made(kind: str, shape: PipelineShape) -> Schedule:
    written = kind_of(ScheduleSpecification(kind=kind)).Settings
    settings = written.model_validate({"kind": kind, "micro_batches": shape.micro_batches})
    return make_schedule(settings, shape.stages, shape.mini_batches)


@pytest.mark.parametrize("stages", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_makespan_is_the_closed_form(kind: str, stages: int) -> None:
    run = unit_pipeline(kind, stages, micro_batches=8, mini_batches=3)
    schedule = made(kind, PipelineShape(stages, 3, 8))
    assert schedule.closed_forms.makespan is not None
    assert run.metrics["makespan_ps"] == CYCLE_PS * schedule.closed_forms.makespan(schedule, StageCycles(1, 1, 0))


def test_closed_forms_are_those_of_the_textbook() -> None:
    cycles = {"sequential": 2 * 4 * 8 * 3, "gpipe": 2 * (4 + 8 - 1) * 3, "asynchronous": 2 * (8 * 3 + 4 - 1)}
    for kind, expected in (cycles | {"synchronous": cycles["gpipe"]}).items():
        schedule = made(kind, PipelineShape(stages=4, mini_batches=3, micro_batches=8))
        assert schedule.closed_forms.makespan is not None
        assert schedule.closed_forms.makespan(schedule, StageCycles(1, 1, 0)) == expected


@pytest.mark.parametrize(
    ("kind", "mini_batches", "cycles"),
    [
        ("synchronous", 1, 30),
        ("gpipe", 2, 60),
        ("asynchronous", 1, 30),
        ("asynchronous", 2, 54),
        ("zb-h1", 1, 27),
        ("zb-h1", 3, 81),
    ],
)
def test_with_an_update_in_a_cycle(kind: str, mini_batches: int, cycles: int) -> None:
    """M = 4, B = 8: N (3 B + 2 (M - 1)), 3 K + 2 (M - 1) without a flush, N (3 B + M - 1) of zb-h1."""
    run = unit_pipeline(kind, 4, 8, mini_batches, "chip=unit-fbu")
    assert run.metrics["makespan_ps"] == CYCLE_PS * cycles
    assert run.metrics["in_flight_max"] == [8] * 4 if kind == "gpipe" else [4, 3, 2, 1]


@settings(deadline=None, max_examples=30)
@given(
    kind=st.sampled_from([*KINDS, "zb-h1", "bounded", "hybrid"]),
    stages=st.integers(1, 8),
    micro_batches=st.integers(1, 16),
    mini_batches=st.integers(1, 3),
    update_ns=st.integers(0, 1),
)
def test_the_machine_obeys_the_closed_forms(
    kind: str, stages: int, micro_batches: int, mini_batches: int, update_ns: int
) -> None:
    chip = "chip=unit-fbu" if update_ns else "chip=unit"
    run = unit_pipeline(kind, stages, micro_batches, mini_batches, chip, f"training.mini_batch={micro_batches}")
    schedule = made(kind, PipelineShape(stages, mini_batches, micro_batches))
    forms = schedule.closed_forms
    assert forms.makespan is not None
    assert forms.in_flight is not None
    assert forms.staleness is not None
    assert forms.stored is not None
    assert run.metrics["makespan_ps"] == CYCLE_PS * forms.makespan(schedule, StageCycles(1, 1, update_ns))
    assert run.metrics["in_flight_max"] == [forms.in_flight(schedule, s) for s in range(stages)]
    assert run.metrics["stored_max"] == [forms.stored(schedule, s) for s in range(stages)]
    assert run.metrics["staleness"] == pytest.approx([forms.staleness(schedule, s) for s in range(stages)])


def test_a_deferred_update_takes_its_time_for_every_micro_batch() -> None:
    run = unit_pipeline("synchronous", 2, 8, 1, "chip=unit-fbu")
    updates = run.timeline[(run.timeline.action == "U") & (run.timeline.unit == "stage 0")]
    assert list(updates.end_ps - updates.start_ps) == [8 * CYCLE_PS]
    counts = {key.operation: count for key, count in run.observations.counts.items() if key.component == "stage_engine"}
    assert counts == dict.fromkeys(("forward", "backward", "update"), 2 * 8)


@settings(deadline=None, max_examples=25)
@given(
    kind=st.sampled_from(["zb-h2", "interleaved", "breadth-first", "zb-v", "dualpipe-v"]),
    stages=st.integers(1, 8),
    micro_batches=st.integers(1, 16),
    mini_batches=st.integers(1, 3),
    update_ns=st.integers(0, 1),
)
def test_the_machine_takes_what_the_dry_run_does_and_the_closed_forms_where_there_are_some(
    kind: str, stages: int, micro_batches: int, mini_batches: int, update_ns: int
) -> None:
    chip = "chip=unit-fbu" if update_ns else "chip=unit"
    run = unit_pipeline(kind, stages, micro_batches, mini_batches, chip, f"training.mini_batch={micro_batches}")
    schedule = made(kind, PipelineShape(stages, mini_batches, micro_batches))
    cycles = StageCycles(1, 1, update_ns)
    profile, forms = dry_run(schedule, (cycles,) * stages), schedule.closed_forms.of(schedule, cycles)
    assert run.metrics["makespan_ps"] == CYCLE_PS * profile.makespan
    assert forms.get("makespan_cycles", profile.makespan) == profile.makespan
    assert run.metrics["in_flight_max"] == list(forms["in_flight"])
    assert run.metrics["stored_max"] == list(forms.get("stored", profile.stored_max))
    assert run.metrics["staleness"] == pytest.approx(list(forms.get("staleness", profile.staleness)))


@pytest.mark.parametrize(
    ("stages", "published"), [(1, 1.0), (2, 1.778), (4, 2.909), (8, 4.267), (12, 5.053), (16, 5.565)]
)
def test_synchronous_speed_up_is_that_of_the_paper(stages: int, published: float) -> None:
    """The bars of arXiv:2410.15155 v1, whose reading is MB / (M + B - 1) with B = 8."""
    pipelined = unit_pipeline("synchronous", stages, 8, 1).metrics["makespan_ps"]
    sequential = unit_pipeline("sequential", stages, 8, 1).metrics["makespan_ps"]
    speed_up = Fraction(sequential, pipelined)
    assert speed_up == Fraction(stages * 8, stages + 7)
    assert round(float(speed_up), 3) == published


@pytest.mark.parametrize("stages", [1, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_timeline_holds_every_slice_once_and_in_a_possible_order(kind: str, stages: int) -> None:
    micro_batches, mini_batches = 4, 2
    run = unit_pipeline(kind, stages, micro_batches, mini_batches)
    work = run.timeline[run.timeline.action.isin(["F", "B"])]
    total = micro_batches * mini_batches
    assert len(work[work.action == "F"]) == len(work[work.action == "B"]) == stages * total
    assert (work.end_ps - work.start_ps == CYCLE_PS).all()
    assert work.end_ps.max() == run.metrics["makespan_ps"]
    for _, rows in work.groupby("stage"):
        ordered = rows.sort_values("start_ps")
        assert (ordered.start_ps.to_numpy()[1:] >= ordered.end_ps.to_numpy()[:-1]).all()
    _check_dependencies(work, stages, total)


def _check_dependencies(work: pd.DataFrame, stages: int, total: int) -> None:
    slices = {(row.action, row.stage, row.micro_batch): row for row in work.itertuples()}
    for k in range(total):
        for upper, lower in pairwise(range(stages)):
            assert slices["F", lower, k].start_ps >= slices["F", upper, k].end_ps
            assert slices["B", upper, k].start_ps >= slices["B", lower, k].end_ps
        for stage in range(stages):
            assert slices["B", stage, k].start_ps >= slices["F", stage, k].end_ps


def test_bubble_of_the_synchronous_pipeline() -> None:
    run = unit_pipeline("synchronous", 4, 8, 5)
    assert run.metrics["bubble_fraction"] == pytest.approx(3 / 11, abs=1e-12)
