"""The textbook pipeline: cycles, slices and dependencies of every built-in schedule on the unit chip."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pandas as pd
import pytest

from archsim.schedule.actions import PipelineShape
from archsim.schedule.closed_forms import makespan_cycles

from .experiments import unit_pipeline

CYCLE_PS = 1000
KINDS = ("sequential", "gpipe", "synchronous", "asynchronous")


@pytest.mark.parametrize("stages", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("kind", KINDS)
def test_makespan_is_the_closed_form(kind: str, stages: int) -> None:
    run = unit_pipeline(kind, stages, micro_batches=8, mini_batches=3)
    cycles = makespan_cycles(kind, PipelineShape(stages, 3, 8))
    assert cycles is not None
    assert run.metrics["makespan_ps"] == CYCLE_PS * cycles


def test_closed_forms_are_those_of_the_textbook() -> None:
    shape = PipelineShape(stages=4, mini_batches=3, micro_batches=8)
    assert makespan_cycles("sequential", shape) == 2 * 4 * 8 * 3
    assert makespan_cycles("gpipe", shape) == makespan_cycles("synchronous", shape) == 2 * (4 + 8 - 1) * 3
    assert makespan_cycles("asynchronous", shape) == 2 * (8 * 3 + 4 - 1)


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
