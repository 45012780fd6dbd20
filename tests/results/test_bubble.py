"""The bubble of a run by cause is the same however the slices of its timeline are stored."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

import archsim
from archsim.results.bubble import bubble_by_cause
from archsim.results.slices import SCHEMA, Slices, SlicesInMemory
from archsim.results.stage_actions import stage_actions, stage_actions_in_turn

RUNS = {
    "asynchronous": ["schedule.kind=asynchronous", "schedule.stages=4"],
    "flushes": ["schedule.kind=synchronous", "schedule.stages=4", "schedule.micro_batches=4"],
    "zero bubbles": ["schedule.kind=zb-h1", "schedule.stages=3", "schedule.micro_batches=4"],
    "places": ["schedule.kind=interleaved", "schedule.stages=4", "schedule.micro_batches=4"],
    "tiles": ["schedule.kind=gpipe", "schedule.stages=4", "schedule.micro_batches=2", "chip=reram-1024"],
    "bounded": ["schedule.kind=bounded", "schedule.stages=4", "schedule.staleness_max=1"],
}


@pytest.fixture(scope="module", params=RUNS)
def run(request: pytest.FixtureRequest) -> archsim.Run:
    overrides = ["chip=unit-fbu", *RUNS[request.param], "training.max_mini_batches=6"]
    return archsim.simulate(archsim.load_experiment("pipeline_unit", overrides, "timing"))


def cut(run: archsim.Run, rows: int) -> Slices:
    whole = pa.Table.from_pandas(run.slices.frame(), schema=SCHEMA, preserve_index=False)
    return SlicesInMemory([whole.slice(start, rows) for start in range(0, len(whole), rows)])


@pytest.mark.parametrize("rows", [1, 3, 10, 10**6])
def test_blocks_of_any_size_give_the_same_actions_and_bubble(run: archsim.Run, rows: int) -> None:
    slices, seen = cut(run, rows), run.observations
    found = list(stage_actions_in_turn(slices, seen))
    pd.testing.assert_frame_equal(pd.concat(found, ignore_index=True), stage_actions(run.slices, seen))
    micro_batches = int(run.settings["schedule"]["micro_batches"])
    pd.testing.assert_frame_equal(bubble_by_cause(slices, seen, micro_batches), run.bubble)


def test_times_of_a_place_add_up_to_what_is_not_work(run: archsim.Run) -> None:
    seen = run.observations
    idle = run.bubble.groupby("place")["idle_ps"].sum().to_dict()
    wanted = {place: seen.makespan_ps - busy for place, busy in enumerate(seen.place_busy_ps)}
    assert idle == {place: time for place, time in wanted.items() if time}
