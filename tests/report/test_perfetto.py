"""The trace is valid, complete, exact to the picosecond, and says what it leaves out."""

from __future__ import annotations

import gzip
import itertools
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.errors import InputError
from archsim.report import parse_window, write_trace
from archsim.results import Run, load_run
from tests.integration.experiments import digits
from tests.results.synthetic import synthetic_run


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()), parse_float=Decimal)
    return content


def of_kind(trace: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [event for event in trace["traceEvents"] if event["ph"] in kinds]


def ps(microseconds: Decimal) -> int:
    whole = microseconds * 10**6
    assert whole == int(whole)
    return int(whole)


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run()


@pytest.fixture(scope="module")
def trace(run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("trace") / "trace.json.gz"
    write_trace(run, path)
    return read(path)


def test_durations_of_a_track_sum_to_its_busy_time(run: Run, trace: dict[str, Any]) -> None:
    names = {e["tid"]: e["args"]["name"] for e in of_kind(trace, "M") if e["name"] == "thread_name"}
    sums: dict[str, int] = defaultdict(int)
    for event in of_kind(trace, "X"):
        sums[names[event["tid"]]] += ps(event["dur"])
    busy = {
        unit.unit: unit.active_ps for unit in run.observations.units if unit.active_ps and unit.component != "array"
    }
    busy |= dict(zip(run.observations.stages, run.observations.stage_busy_ps, strict=True))
    assert sums == busy


@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous"])
def test_the_trace_of_a_simulation_has_the_busy_time_of_every_unit(kind: str, tmp_path: Path) -> None:
    simulated = digits(f"schedule.kind={kind}", "schedule.micro_batches=4", "training.max_mini_batches=6")
    write_trace(simulated, tmp_path / "t")
    trace = read(tmp_path / "t")
    test_durations_of_a_track_sum_to_its_busy_time(simulated, trace)
    test_slices_of_a_track_nest(trace)
    assert trace["otherData"]["slices_left_out"] == 0


def test_slices_of_a_track_nest(trace: dict[str, Any]) -> None:
    tracks: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for event in of_kind(trace, "X"):
        tracks[event["tid"]].append((ps(event["ts"]), ps(event["dur"])))
    for slices in tracks.values():
        slices.sort()
        assert all(a + length <= b for (a, length), (b, _) in itertools.pairwise(slices))


def test_units_of_a_component_share_a_process(trace: dict[str, Any]) -> None:
    meta = of_kind(trace, "M")
    processes = {e["pid"]: e["args"]["name"] for e in meta if e["name"] == "process_name"}
    threads = {e["args"]["name"]: processes[e["pid"]] for e in meta if e["name"] == "thread_name"}
    assert threads["stage 1"] == "stages"
    assert threads["tile 2"] == "tiles"
    assert "nmpu 0" not in threads  # it never worked


def test_a_flow_leads_each_micro_batch_through_its_slices(run: Run, trace: dict[str, Any]) -> None:
    starts = {(e["pid"], e["tid"], e["ts"]): e for e in of_kind(trace, "X")}
    flows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for event in of_kind(trace, "s", "t", "f"):
        flows[event["id"]].append(event)
    assert set(flows) == set(range(40))
    for micro_batch, way in flows.items():
        assert [event["ph"] for event in way] == ["s", *["t"] * (len(way) - 2), "f"]
        slices = [starts[event["pid"], event["tid"], event["ts"]] for event in way]
        assert [event["cat"] for event in slices] == ["F"] * 3 + ["B"] * 3
        assert {event["args"]["micro_batch"] for event in slices} == {micro_batch}


def total(run: Run) -> int:
    return int((run.timeline["action"] != "").sum())


@pytest.mark.parametrize("most", [0, 1, 2, 100, 101])
def test_a_cut_is_said(run: Run, most: int, tmp_path: Path) -> None:
    write_trace(run, tmp_path / "t", most_slices=most, detail="unit")
    trace = read(tmp_path / "t")
    slices = of_kind(trace, "X")
    about = trace["otherData"]
    assert len(slices) == about["slices"] == most
    assert about["slices_left_out"] == total(run) - most
    assert str(total(run)) in about["cut"]
    assert max((ps(event["ts"]) for event in slices), default=0) == about["cut_at_ps"]
    busy = run.timeline[run.timeline["action"] != ""]
    before = busy[busy["start_ps"] < about["cut_at_ps"]]
    assert len(before) <= most
    shown = {ps(event["ts"]) for event in slices}
    assert set(before["start_ps"]) <= shown


def test_stages_are_shown_where_their_units_do_not_fit(run: Run, tmp_path: Path) -> None:
    write_trace(run, tmp_path / "a", most_slices=total(run) - 1)
    write_trace(run, tmp_path / "b", detail="stage")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    trace = read(tmp_path / "a")
    threads = [e["args"]["name"] for e in of_kind(trace, "M") if e["name"] == "thread_name"]
    assert threads == list(run.observations.stages)
    assert trace["otherData"]["detail"] == "stage"
    assert trace["otherData"]["slices"] == len(of_kind(trace, "X")) == total(run) // 2
    assert "only the stages" in trace["otherData"]["cut"]
    assert sum(ps(e["dur"]) for e in of_kind(trace, "X")) == sum(run.observations.stage_busy_ps)
    write_trace(run, tmp_path / "c", most_slices=10)
    assert {e["pid"] for e in of_kind(read(tmp_path / "c"), "X")} == {1}


@pytest.mark.parametrize("window", [(0, 1), (30_000_000, 31_000_000), (79_000_000, 10**12), (10**12, 10**13)])
def test_a_window_shows_what_touches_it(run: Run, window: tuple[int, int], tmp_path: Path) -> None:
    write_trace(run, tmp_path / "t", window_ps=window)
    trace = read(tmp_path / "t")
    busy = run.timeline[run.timeline["action"] != ""]
    inside = busy[(busy["start_ps"] < window[1]) & (busy["end_ps"] > window[0])]
    assert sorted(ps(e["ts"]) for e in of_kind(trace, "X")) == inside["start_ps"].tolist()
    assert trace["otherData"]["window_ps"] == list(window)
    assert trace["otherData"]["slices_left_out"] == len(busy) - len(inside)


@pytest.mark.parametrize("window", [(5, 5), (6, 5), (-1, 5)])
def test_an_empty_window_is_refused(run: Run, window: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="window"):
        write_trace(run, tmp_path / "t", window_ps=window)


@pytest.mark.parametrize("most", [700, 1500, 3000, 6000])
def test_the_file_stays_below_its_cap(run: Run, most: int, tmp_path: Path) -> None:
    write_trace(run, tmp_path / "whole")
    assert (tmp_path / "whole").stat().st_size > 6000
    write_trace(run, tmp_path / "t", most_bytes=most)
    assert most // 3 < (tmp_path / "t").stat().st_size <= most
    trace = read(tmp_path / "t")
    assert len(of_kind(trace, "X")) == trace["otherData"]["slices"] > 0
    assert "cut" in trace["otherData"]


def test_a_cap_below_everything_is_refused_and_the_old_file_stays(run: Run, tmp_path: Path) -> None:
    write_trace(run, tmp_path / "t")
    old = (tmp_path / "t").read_bytes()
    with pytest.raises(InputError, match="bytes"):
        write_trace(run, tmp_path / "t", most_bytes=100)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert (tmp_path / "t").read_bytes() == old


def test_a_run_on_disk_gives_the_same_trace(run: Run, trace: dict[str, Any], tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    write_trace(load_run(tmp_path / "run"), tmp_path / "t")
    assert read(tmp_path / "t") == trace


def test_a_window_is_written_as_times() -> None:
    assert parse_window("10 us:0.02 ms") == (10_000_000, 20_000_000)
    assert parse_window("0:5ns") == (0, 5000)


@pytest.mark.parametrize("text", ["", "10 us", "10 us:", ":10 us", "a:b", "2 us:1 us", "1 us:1 us", "1 pJ:2 us", "1:2"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="trace-window"):
        parse_window(text)


@pytest.mark.parametrize("kind", ["numerics", "without slices"])
def test_a_run_without_slices_gives_an_empty_trace(kind: str, tmp_path: Path) -> None:
    write_trace(synthetic_run(numerics=kind == "numerics", store=kind != "without slices"), tmp_path / "t")
    trace = read(tmp_path / "t")
    assert of_kind(trace, "X") == []
    assert "cut" not in trace["otherData"]


def test_equal_runs_give_equal_bytes(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_trace(run, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@settings(max_examples=8)
@given(stages=st.integers(1, 4), micro_batches=st.integers(1, 6))
def test_a_trace_of_any_shape_is_valid(
    stages: int, micro_batches: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("trace") / "t"
    write_trace(synthetic_run(stages, 2 * micro_batches), path)
    trace = read(path)
    assert len(of_kind(trace, "X")) == 2 * 3 * stages * 2 * micro_batches
    assert len(of_kind(trace, "s")) == len(of_kind(trace, "f")) == 2 * micro_batches


def test_counters_show_power_and_claimed_space(tmp_path: Path) -> None:
    simulated = digits("training.max_mini_batches=6")
    write_trace(simulated, tmp_path / "t")
    tracks: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for event in of_kind(read(tmp_path / "t"), "C"):
        tracks[event["name"]].append((ps(event["ts"]), float(event["args"]["value"])))
    power = tracks["power (mW)"]
    energy = sum(value * 1e-3 * (b - a) for (a, value), (b, _) in itertools.pairwise(power))
    assert energy == pytest.approx(simulated.metrics["energy_pj"], rel=1e-4)  # six digits a point
    for buffer, curve in simulated.buffers.groupby("buffer"):
        drawn = dict(tracks[f"{buffer} claimed (B)"])
        assert {time: drawn[time] for time in curve["time_ps"]} == dict(
            zip(curve["time_ps"], curve["claimed_bytes"], strict=True)
        )


def test_counters_of_a_window_begin_with_what_was_claimed_then(tmp_path: Path) -> None:
    simulated = digits("training.max_mini_batches=6")
    curve = simulated.buffers[simulated.buffers["buffer"] == "buffer 1"]
    step = curve.iloc[len(curve) // 2]
    start = int(step["time_ps"]) + 1
    write_trace(simulated, tmp_path / "t", window_ps=(start, start + 10**6))
    events = [e for e in of_kind(read(tmp_path / "t"), "C") if e["name"] == "buffer 1 claimed (B)"]
    assert ps(events[0]["ts"]) == start
    assert int(events[0]["args"]["value"]) == step["claimed_bytes"]
