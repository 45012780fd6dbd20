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

from archsim.report import write_trace
from archsim.results import Run
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
    busy = {unit.unit: unit.active_ps for unit in run.observations.units if unit.active_ps}
    busy |= dict(zip(run.observations.stages, run.observations.stage_busy_ps, strict=True))
    assert sums == busy


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
    assert threads["nmpu 0"] == "nmpus"


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


def test_a_cut_is_said(run: Run, tmp_path: Path) -> None:
    write_trace(run, tmp_path / "t", most_slices=100)
    trace = read(tmp_path / "t")
    slices = of_kind(trace, "X")
    about = trace["otherData"]
    total = int((run.timeline["action"] != "").sum())
    assert len(slices) == about["slices"] == 100
    assert about["slices_left_out"] == total - 100
    assert str(total) in about["cut"]
    assert max(ps(event["ts"]) for event in slices) == about["cut_at_ps"]


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
