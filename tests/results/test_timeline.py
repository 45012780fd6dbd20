"""The timeline loses no picosecond."""

from __future__ import annotations

import copy
import pickle

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.results.slices import TIMELINE_COLUMNS
from archsim.results.timeline import DRAINED, NO_WORK, Timeline

Slices = list[tuple[bool, int, int]]

#: Per unit: (busy, length in ps, number of the action or cause) one after the other.
units = st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 10**12), st.integers(0, 3)), max_size=12), max_size=5)


def fill(timeline: Timeline, plan: list[Slices]) -> int:
    """Report the slices of every unit, close the timeline, and return the makespan."""
    makespan = max([timeline.until(unit) for unit in range(len(timeline.units))], default=0)
    for number, slices in enumerate(plan):
        unit = timeline.unit(f"unit {number}", "tile", number if number % 2 else None)
        for busy, length, kind in slices:
            start = timeline.until(unit)
            if busy:
                timeline.busy(unit, timeline.layer(f"fc{kind}"), "FBUT"[kind], kind - 1, start, start + length)
            else:
                timeline.idle(unit, start, start + length, timeline.cause(f"cause {kind}"))
        makespan = max(makespan, timeline.until(unit))
    makespan += 7
    timeline.close(makespan)
    return makespan


@given(units)
def test_busy_and_idle_by_cause_add_up_to_the_makespan(plan: list[Slices]) -> None:
    timeline = Timeline()
    makespan = fill(timeline, plan)
    for number in range(len(timeline.units)):
        idle = timeline.idle_by_cause(number)
        assert timeline.busy_ps(number) + sum(idle.values()) == makespan
        used = any(busy for busy, _, _ in plan[number])
        assert (DRAINED if used else NO_WORK) in idle


@given(units)
def test_the_table_holds_the_same_times_as_the_totals(plan: list[Slices]) -> None:
    timeline = Timeline()
    makespan = fill(timeline, plan)
    table = timeline.frame()
    assert tuple(table.columns) == TIMELINE_COLUMNS
    assert table["start_ps"].is_monotonic_increasing
    length = table["end_ps"] - table["start_ps"]
    busy = table["action"] != ""
    assert (busy != (table["cause"] != "")).all()
    for number, unit in enumerate(timeline.units):
        mine = table["unit"] == unit.name
        assert int(length[mine & busy].sum()) == timeline.busy_ps(number)
        for cause, time in timeline.idle_by_cause(number).items():
            assert int(length[mine & (table["cause"] == cause)].sum()) == time
        rows = table[mine]
        assert rows["end_ps"].tolist() == [*rows["start_ps"].tolist()[1:], makespan]
        assert rows["stage"].isna().all() if unit.stage is None else (rows["stage"] == unit.stage).all()


@given(units)
def test_totals_do_not_depend_on_storing_slices(plan: list[Slices]) -> None:
    stored, lean = Timeline(), Timeline(store=False)
    assert fill(stored, plan) == fill(lean, plan)
    assert stored.idle_ps() == lean.idle_ps()
    assert [stored.busy_ps(i) for i in range(len(plan))] == [lean.busy_ps(i) for i in range(len(plan))]
    assert lean.frame().empty
    assert lean.frame().dtypes.astype(str).equals(stored.frame().dtypes.astype(str))


def test_slices_read_as_they_were_reported() -> None:
    timeline = Timeline()
    stage, host = timeline.unit("stage 0", "stage", 0), timeline.unit("host", "host")
    timeline.busy(stage, timeline.layer("fc1"), "F", 3, 0, 10)
    timeline.idle(stage, 10, 25, timeline.cause("input from host"))
    timeline.busy(stage, timeline.layer("fc1"), "U", 3, 25, 25)
    timeline.busy(host, timeline.layer(""), "F", -1, 0, 4)
    timeline.close(30)
    rows = timeline.frame().astype(object).where(lambda table: table.notna(), None).to_numpy().tolist()
    assert rows == [
        ["stage 0", 0, "fc1", "F", 3, 0, 10, ""],
        ["host", None, "", "F", None, 0, 4, ""],
        ["host", None, "", "", None, 4, 30, DRAINED],
        ["stage 0", 0, "", "", None, 10, 25, "input from host"],
        ["stage 0", 0, "fc1", "U", 3, 25, 25, ""],
        ["stage 0", 0, "", "", None, 25, 30, DRAINED],
    ]


def test_types_of_the_table_suit_joins_and_parquet() -> None:
    types = {name: str(kind) for name, kind in Timeline().frame().dtypes.items()}
    assert types == {
        **dict.fromkeys(("unit", "layer", "action", "cause"), "category"),
        **dict.fromkeys(("stage", "micro_batch"), "Int64"),
        **dict.fromkeys(("start_ps", "end_ps"), "int64"),
    }


@pytest.mark.parametrize(("start", "end"), [(9, 20), (11, 20), (10, 9)])
def test_a_gap_an_overlap_and_a_negative_slice_are_refused(start: int, end: int) -> None:
    timeline = Timeline()
    unit = timeline.unit("tile 0", "tile")
    timeline.busy(unit, timeline.layer("fc1"), "F", 0, 0, 10)
    with pytest.raises(ValueError, match="tile 0"):
        timeline.busy(unit, timeline.layer("fc1"), "F", 1, start, end)
    with pytest.raises(ValueError, match="tile 0"):
        timeline.idle(unit, start, end, timeline.cause("x"))
    assert timeline.until(unit) == 10
    assert len(timeline.frame()) == 1


def test_a_name_stands_for_one_unit_only() -> None:
    timeline = Timeline()
    assert timeline.unit("tile 0", "tile", 0) == timeline.unit("tile 0", "tile", 0)
    with pytest.raises(ValueError, match="two units"):
        timeline.unit("tile 0", "tile", 1)


@settings(max_examples=25)
@given(units, units)
def test_a_copy_goes_on_like_the_original(first: list[Slices], second: list[Slices]) -> None:
    whole = Timeline()
    for number in range(5):
        whole.unit(f"unit {number}", "tile", number if number % 2 else None)
    fill(whole, first)
    copies = [copy.deepcopy(whole), pickle.loads(pickle.dumps(whole))]
    fill(whole, second)
    for other in copies:
        fill(other, second)
        pd.testing.assert_frame_equal(other.frame(), whole.frame())
        assert other.idle_ps() == whole.idle_ps()
