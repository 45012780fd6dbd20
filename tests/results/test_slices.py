"""A long timeline written in parts is the timeline that would have stayed in memory."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from archsim import load_experiment, simulate
from archsim.engine.checkpoint.store import restore_objects, store_objects
from archsim.errors import InputError
from archsim.results.blocks import BLOCK
from archsim.results.slices import TIMELINE_COLUMNS, Slices, SlicesOnDisk
from archsim.results.timeline import Timeline
from archsim.simulation import Interrupted

#: Slices: two blocks and a half.
LONG = 5 * BLOCK // 2


def go_on(timeline: Timeline, slices: int) -> None:
    """Report slices of three units; new layers and causes keep appearing, and one unit waits nearly all the time."""
    units = [timeline.unit(f"stage {i}", "stage", i) for i in range(2)]
    rare = timeline.unit("nmpu 0", "nmpu")
    first = timeline.until(units[0]) // 10
    for i in range(first, first + slices // 2):
        unit, start = units[i % 2], timeline.until(units[i % 2])
        timeline.busy(unit, timeline.layer(f"fc{i // 20_000}"), "FBU"[i % 3], i if i % 5 else -1, start, start + 9)
        timeline.idle(unit, start + 9, start + 20, timeline.cause(f"cause {i // 30_000}"))
        if i % 50_000 == 49_999:
            timeline.idle(rare, timeline.until(rare), start, timeline.cause("no work yet"))
            timeline.busy(rare, timeline.layer(""), "F", i, start, start)


@pytest.fixture(scope="module")
def whole() -> Timeline:
    timeline = Timeline()
    go_on(timeline, LONG)
    timeline.close(10**7)
    return timeline


@pytest.fixture(scope="module")
def streamed(tmp_path_factory: pytest.TempPathFactory) -> Timeline:
    timeline = Timeline(spill=tmp_path_factory.mktemp("streamed") / "timeline")
    go_on(timeline, LONG)
    timeline.close(10**7)
    return timeline


@pytest.fixture(scope="module", params=["in memory", "on disk"])
def slices(request: pytest.FixtureRequest, whole: Timeline, streamed: Timeline) -> Slices:
    return (whole if request.param == "in memory" else streamed).finish()


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_what_is_read_does_not_depend_on_where_it_was(whole: Timeline, streamed: Timeline, tmp_path: Path) -> None:
    assert streamed.spill is not None
    slices = streamed.finish()
    assert isinstance(slices, SlicesOnDisk)
    assert [path.name for path in sorted(streamed.spill.iterdir())] == [
        "part-000000.parquet",
        "part-000001.parquet",
        "timeline.parquet",
    ]
    assert slices.count == whole.finish().count == len(whole.frame()) > LONG
    assert slices.frame().equals(whole.frame())
    whole.finish().write(tmp_path / "whole.parquet")
    slices.write(tmp_path / "streamed.parquet")
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "streamed.parquet").read_bytes()
    assert streamed.idle_ps() == whole.idle_ps()


def test_rows_of_a_group_are_sorted_and_those_of_a_unit_throughout(streamed: Timeline) -> None:
    slices = streamed.finish()
    assert isinstance(slices, SlicesOnDisk)
    with pq.ParquetFile(slices.path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
        starts = [file.read_row_group(i)["start_ps"].to_pandas() for i in range(file.num_row_groups)]
    assert sizes[:-1] == [BLOCK] * (len(sizes) - 1)
    assert all(column.is_monotonic_increasing for column in starts)
    for _, rows in slices.frame().groupby("unit", observed=True):
        assert rows["end_ps"].tolist() == [*rows["start_ps"].tolist()[1:], 10**7]


def test_pandas_reads_the_file_as_it_is(streamed: Timeline) -> None:
    slices = streamed.finish()
    assert isinstance(slices, SlicesOnDisk)
    table = pd.read_parquet(slices.path)
    assert tuple(table.columns) == TIMELINE_COLUMNS
    assert table.equals(slices.frame())


@pytest.mark.parametrize("window", [(0, 1), (123_456, 123_457), (400_000, 600_000), (9 * 10**6, 10**8), (5, 5)])
@pytest.mark.parametrize("units", [None, ("stage 1", "nmpu 0", "no such unit")])
@pytest.mark.parametrize("busy", [True, False])
def test_a_selection_is_what_a_filter_finds(
    slices: Slices, whole: Timeline, window: tuple[int, int], units: tuple[str, ...] | None, busy: bool
) -> None:
    table, (start, end) = whole.frame(), window
    wanted = (table["start_ps"] < end) & ((table["end_ps"] > start) | (table["start_ps"] >= start))
    if units is not None:
        wanted &= table["unit"].isin(units)
    if busy:
        wanted &= table["action"] != ""
    parts = list(slices.select(["unit", "micro_batch", "end_ps"], window_ps=window, units=units, busy=busy))
    assert all(list(part.columns) == ["unit", "micro_batch", "end_ps"] and len(part) for part in parts)
    assert sum(map(len, parts)) == wanted.sum()
    if parts:
        found = pd.concat(parts).astype({"unit": "str"}).reset_index(drop=True)
        expected = table.loc[wanted, found.columns].astype({"unit": "str"}).reset_index(drop=True)
        assert found.equals(expected)


def test_a_window_reads_only_the_groups_that_it_touches(streamed: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    slices = streamed.finish()
    read: list[int] = []
    original = pq.ParquetFile.read_row_group

    def counting(self: pq.ParquetFile, group: int, columns: list[str]) -> object:
        read.append(group)
        return original(self, group, columns=columns)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", counting)
    list(slices.select(["start_ps"], window_ps=(0, 100)))
    assert read == [0, 1]  # the second says how long the third unit had waited by then
    read.clear()
    list(slices.select(["start_ps"]))
    assert read == [0, 1, 2]


@pytest.mark.parametrize("stop", [BLOCK // 4, BLOCK + 1000, LONG - 12])
def test_a_restored_timeline_writes_the_same_parts(stop: int, streamed: Timeline, tmp_path: Path) -> None:
    assert streamed.spill is not None
    folder = tmp_path / "timeline"
    first = Timeline(spill=folder)
    go_on(first, stop)
    stored = store_objects(first, {})
    assert len(stored) < 5_000_000
    go_on(first, LONG - stop)  # lost: what was done after the checkpoint
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        number = int(path.stem[5:])
        if number >= stop // BLOCK:
            path.write_bytes(b"stale")
    restored: Timeline = restore_objects(stored, {})
    assert restored.spill is None
    restored.go_on_in(folder)
    go_on(restored, LONG - stop)
    restored.close(10**7)
    assert restored.finish().frame().equals(streamed.finish().frame())
    assert files(folder) == files(streamed.spill)


def test_all_full_blocks_leave_the_memory_once_there_is_a_folder(whole: Timeline, tmp_path: Path) -> None:
    timeline = Timeline()
    go_on(timeline, LONG)
    timeline.spill = tmp_path / "late"
    timeline.close(10**7)
    assert len(store_objects(timeline, {})) < 5_000_000
    assert timeline.finish().frame().equals(whole.frame())


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def one_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def exchanged(path: Path) -> None:
    other = path.with_name("part-000001.parquet")
    path.rename(path.with_name("x"))
    other.rename(path)
    path.with_name("x").rename(other)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [Path.unlink, cut_short, one_bit, exchanged, pipe])
def test_parts_that_are_not_what_was_written_are_told_before_the_run_goes_on(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    folder = tmp_path / "timeline"
    timeline = Timeline(spill=folder)
    go_on(timeline, LONG)
    stored = store_objects(timeline, {})
    restored: Timeline = restore_objects(stored, {})
    restored.go_on_in(folder)
    damage(folder / "part-000000.parquet")
    with pytest.raises(InputError, match=r"part-000000.parquet (cannot be read|is not what was written)"):
        restored.go_on_in(folder)
    with pytest.raises(InputError, match=r"part-000000.parquet (cannot be read|is not what was written)"):
        restored.finish()


def test_parts_in_a_folder_that_was_not_named_again_are_missed(streamed: Timeline) -> None:
    with pytest.raises(ValueError, match="2 parts"):
        restore_objects(store_objects(streamed, {}), {}).finish()


def test_a_part_that_cannot_be_written_loses_nothing(whole: Timeline, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    timeline = Timeline(spill=tmp_path / "file" / "timeline")
    with pytest.raises(OSError, match="file"):
        go_on(timeline, LONG)
    assert timeline.finish().count == BLOCK


def test_a_file_that_is_gone_is_said(tmp_path: Path) -> None:
    Timeline().finish().write(tmp_path / "t")
    slices = SlicesOnDisk(tmp_path / "t")
    os.unlink(tmp_path / "t")
    for read in (slices.frame, lambda: slices.write(tmp_path / "u"), lambda: list(slices.select())):
        with pytest.raises(InputError, match="no longer there"):
            read()


def test_a_table_of_another_kind_is_refused(tmp_path: Path) -> None:
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "t")
    with pytest.raises(ValueError, match="columns a found"):
        SlicesOnDisk(tmp_path / "t")


def test_an_interrupted_simulation_goes_on_with_its_parts(tmp_path: Path) -> None:
    settings = ["schedule.kind=asynchronous", "schedule.stages=16", "training.max_mini_batches=280"]
    experiment = load_experiment("workloads/pipeline_unit.yaml", settings, "timing")
    whole = simulate(experiment)
    assert whole.slices.count > BLOCK
    asked = itertools.count()
    last = 3 * whole.observations.events // 4

    def interrupted() -> bool:
        return next(asked) >= last

    with pytest.raises(Interrupted) as stopped:
        simulate(experiment, workspace=tmp_path, interrupted=interrupted)
    assert BLOCK < stopped.value.run.slices.count < whole.slices.count
    resumed = simulate(experiment, workspace=tmp_path, resume=True)
    assert isinstance(resumed.slices, SlicesOnDisk)
    for name, run in {"whole": whole, "resumed": resumed}.items():
        run.slices.write(tmp_path / name)
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "resumed").read_bytes()
    assert resumed.observations == whole.observations
