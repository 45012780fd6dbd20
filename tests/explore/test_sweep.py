"""Sweeps: side by side, taken up again, extended; failures of one point are its own; other folders are left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim import plugins
from archsim.document.axes import Axis
from archsim.errors import ArchsimError, InputError
from archsim.explore import SweepProgress, load_collection
from archsim.plugins import registry
from archsim.results.lock import FolderLock

SHORT = ("training.max_mini_batches=4", "data.test_samples=30")
BITS: Mapping[str, Sequence[object]] = {"chip.adc.bits": [6, 8]}


def swept(directory: Path, vary: Any = BITS, *overrides: str, **more: Any) -> pd.DataFrame:
    return archsim.sweep("mlp_digits", vary, directory, overrides=[*SHORT, *overrides], mode="numerics", **more)


def stamps(directory: Path) -> dict[Path, int]:
    """When each run was finished; what was being written when a process was killed is not finished."""
    found = [path for path in directory.rglob("run.json") if not path.parent.name.startswith(".")]
    return {path: path.stat().st_mtime_ns for path in found}


@pytest.fixture
def registered() -> Iterator[None]:
    """What a test registers goes again."""
    before = {group: dict(things) for group, things in registry._REGISTERED.items()}
    yield
    registry._REGISTERED.clear()
    registry._REGISTERED.update(before)


@pytest.mark.parametrize("workers", [1, 2])
def test_every_run_is_the_one_that_would_be_made_alone_and_none_is_made_twice(workers: int, tmp_path: Path) -> None:
    seen: list[SweepProgress] = []
    points = swept(tmp_path / "grid", seeds="1..2", workers=workers, progress=seen.append)
    assert list(points["point"]) == ["bits=6", "bits=8"]
    assert list(points["chip.adc.bits"]) == ["6", "8"]
    assert list(points["n"]) == [2, 2]
    assert seen[-1] == SweepProgress(4, 0, 4)
    runs = pd.read_csv(tmp_path / "grid" / "runs.csv")
    assert list(runs["seed"]) == [1, 2, 1, 2]
    for bits, seed, loss in zip(runs["chip.adc.bits"], runs["seed"], runs["loss"], strict=True):
        changes = [*SHORT, f"chip.adc.bits={bits}", f"run.seed={seed}"]
        assert archsim.simulate("mlp_digits", changes, mode="numerics").metrics["loss"] == loss
    both = runs.loc[runs["point"] == "bits=8", "loss"]
    row = points.set_index("point").loc["bits=8"]
    assert row["loss"] == pytest.approx(both.mean(), rel=1e-12)
    assert row["loss_std"] == pytest.approx(both.std(ddof=1), rel=1e-9)
    before = stamps(tmp_path)
    assert len(before) == 4
    again = swept(tmp_path / "grid", seeds="1..2", workers=workers)
    assert again.equals(points)
    assert stamps(tmp_path) == before
    assert load_collection(tmp_path / "grid")["bits=6"][2].metrics["loss"] == runs["loss"][1]


def test_warnings_of_runs_stand_in_the_table_of_points(tmp_path: Path) -> None:
    points = archsim.sweep(
        "mlp_digits",
        {"chip.interconnect": ["{kind: bus}", "bus"]},
        tmp_path,
        overrides=["training.max_mini_batches=2"],
        mode="timing",
    )
    kept, bare = points["warnings"]
    assert "defaults without a source" in bare
    assert kept is None or "defaults without a source" not in str(kept)
    written = pd.read_csv(tmp_path / "points.csv")
    assert written["warnings"][1] == bare


def test_a_sweep_is_extended_along_its_axes_and_seeds(tmp_path: Path) -> None:
    swept(tmp_path / "grid", seeds=[2])
    before = stamps(tmp_path)
    points = swept(tmp_path / "grid", {"chip.adc.bits": [4, 6, 8]}, seeds=[1, 2])
    assert list(points["n"]) == [2, 2, 2]
    after = stamps(tmp_path)
    assert len(after) == 6
    assert before.items() <= after.items()


@pytest.mark.parametrize(
    ("vary", "overrides", "more", "words"),
    [
        ({"chip.adc.bits": [6]}, (), {}, "--vary"),
        ({"chip.dac.bits": [6, 8]}, (), {}, "--vary"),
        ({"chip.adc.bits": [6, 8], "chip.dac.bits": [4]}, (), {}, "--vary"),
        (BITS, ("training.learning_rate=0.3",), {}, "another experiment"),
        (BITS, (), {"seeds": [2]}, "--seeds"),
        (BITS, (), {"search": "nothing new"}, "--search"),
    ],
)
def test_another_sweep_is_refused(
    vary: Any, overrides: tuple[str, ...], more: dict[str, Any], words: str, tmp_path: Path, registered: None
) -> None:
    plugins.adopt({("archsim.searches", "nothing new"): lambda axes, results: []})
    swept(tmp_path / "grid")
    before = stamps(tmp_path)
    with pytest.raises(InputError, match="another sweep") as error:
        swept(tmp_path / "grid", vary, *overrides, **more)
    assert words in str(error.value)
    assert stamps(tmp_path) == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_point_that_fails_is_told_with_its_reason_and_the_others_are_made(workers: int, tmp_path: Path) -> None:
    vary = {"chip.tiles": [1, 64], "training.mini_batch": [10, 7]}
    points = swept(tmp_path, vary, "schedule.micro_batches=2", workers=workers).set_index("point")
    assert dict(points["n"]) == {
        "tiles=1, mini_batch=10": 0,
        "tiles=1, mini_batch=7": 0,
        "tiles=64, mini_batch=10": 1,
        "tiles=64, mini_batch=7": 0,
    }
    assert dict(points["failed"]) == {name: 1 - n for name, n in points["n"].items()}
    assert "does not fit" in points.loc["tiles=1, mini_batch=10", "failure"]
    assert "do not divide" in points.loc["tiles=64, mini_batch=7", "failure"]
    runs = pd.read_csv(tmp_path / "runs.csv").set_index("point")
    assert "does not fit" in runs.loc["tiles=1, mini_batch=10", "failure"]
    assert np.isfinite(runs.loc["tiles=64, mini_batch=10", "loss"])


def test_where_no_point_is_an_experiment_the_first_mistake_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"chip\.acd"):
        swept(tmp_path / "grid", {"chip.acd.bits": [6, 8]})


def test_the_command_makes_tables_and_a_report_and_leaves_with_one_if_a_run_failed(tmp_path: Path) -> None:
    done = command(tmp_path, "--vary", "chip.tiles=1,64", "--seeds", "1..2", "--workers", "2")
    assert done.returncode == 1
    assert "does not fit" in done.stderr
    page = (tmp_path / "grid" / "report.html").read_text()
    assert "tiles=1" in page
    assert "does not fit" in page
    assert len(pd.read_csv(tmp_path / "grid" / "points.csv")) == 2
    assert command(tmp_path, "--vary", "chip.tiles=1,64").returncode == 2


def test_force_begins_a_sweep_anew_and_no_other_folder(tmp_path: Path) -> None:
    one, other = ("--vary", "chip.adc.bits=6"), ("--vary", "chip.dac.bits=7")
    assert command(tmp_path, *one).returncode == 0
    before = stamps(tmp_path)
    refusal = command(tmp_path, *other)
    assert refusal.returncode == 2
    assert "--force" in refusal.stderr
    # What cannot be made replaces nothing.
    assert command(tmp_path, "--vary", "chip.dca.bits=7", "--force").returncode == 2
    assert stamps(tmp_path) == before
    done = command(tmp_path, *other, "--force")
    assert done.returncode == 0, done.stderr
    assert [path.relative_to(tmp_path) for path in stamps(tmp_path)] == [Path("grid/bits-7/seed-1/run.json")]
    assert not list(tmp_path.glob(".*"))
    (tmp_path / "grid" / "points.json").unlink()
    for more in ((), ("--force",)):
        refusal = command(tmp_path, *other, *more)
        assert refusal.returncode == 2
        assert "another folder with -o" in refusal.stderr
    assert len(stamps(tmp_path)) == 1


def test_a_folder_of_runs_that_are_no_sweep_goes_on_by_its_own_command_only(tmp_path: Path) -> None:
    archsim.explore.run_points({"bits=6": archsim.load_experiment("mlp_digits", SHORT, "numerics")}, tmp_path)
    with pytest.raises(InputError, match="not those of a sweep") as refused:
        swept(tmp_path)
    assert "--force" in str(refused.value)


def arguments(tmp_path: Path, *more: str) -> list[str]:
    short = [part for override in SHORT for part in ("--set", override)]
    return [sys.executable, "-m", "archsim", "explore", "mlp_digits", *short, *more, "-o", str(tmp_path / "grid")]


def command(tmp_path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments(tmp_path, *more), capture_output=True, text=True, timeout=300, check=False)


LONG = ("--set", "training.max_mini_batches=400", "--vary", "chip.adc.bits=5,6,7,8", "--mode", "numerics")


def free_again(folder: Path) -> None:
    """Wait until no process works in the runs of a folder."""
    for lock in folder.rglob("run.lock"):
        for _ in range(200):
            try:
                FolderLock(lock.parent).release()
                break
            except InputError:
                time.sleep(0.05)
        else:
            pytest.fail(f"somebody still works in {lock.parent}")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_sweep_that_was_ended_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    work = subprocess.Popen(
        arguments(tmp_path, *LONG, "--workers", "2"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    for _ in range(2400):
        if stamps(tmp_path):
            break
        assert work.poll() is None, work.communicate()
        time.sleep(0.05)
    work.send_signal(number)
    _, told = work.communicate(timeout=60)
    if number is signal.SIGTERM:
        assert work.returncode == 130
        assert "the same command again" in told
    # Nobody goes on working for a sweep that is gone.
    free_again(tmp_path)
    before = {path: at for path, at in stamps(tmp_path).items() if json.loads(path.read_text())["complete"]}
    assert before
    assert len(before) < 4
    done = command(tmp_path, *LONG, "--workers", "2")
    assert done.returncode == 0, done.stderr
    after = stamps(tmp_path)
    assert len(after) == 4
    assert before.items() <= after.items()
    points = pd.read_csv(tmp_path / "grid" / "points.csv")
    changes = ["training.max_mini_batches=400", "data.test_samples=30", "chip.adc.bits=8"]
    assert archsim.simulate("mlp_digits", changes, mode="numerics").metrics["loss"] == points["loss"].iloc[3]


def hostile_file(folder: Path) -> None:
    (folder / "mine.txt").write_text("do not touch")


def hostile_json(folder: Path) -> None:
    (folder / "points.json").write_text('{"format": 1, "search": "grid", "axes": 3, "points": []}')


def hostile_place(folder: Path) -> None:
    at = {"folder": "../elsewhere", "seeds": [1], "values": {"chip.adc.bits": "6"}, "experiment": None}
    text = json.dumps({"format": 1, "search": "grid", "axes": {"chip.adc.bits": ["6", "8"]}, "points": {"bits=6": at}})
    (folder / "points.json").write_text(text)


def hostile_pipe(folder: Path) -> None:
    os.mkfifo(folder / "points.json")


def hostile_run(folder: Path) -> None:
    archsim.simulate("mlp_digits", SHORT, mode="numerics").save(folder, force=True)


@pytest.mark.parametrize("prepare", [hostile_file, hostile_json, hostile_place, hostile_pipe, hostile_run])
def test_a_folder_that_holds_something_else_is_left_as_it_is(prepare: Any, tmp_path: Path) -> None:
    folder = tmp_path / "grid"
    folder.mkdir()
    prepare(folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputError, match="holds something") as refused:
        swept(folder)
    assert "Error" not in str(refused.value)
    assert sorted(folder.rglob("*")) == before


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "grid").write_text("")
    with pytest.raises(InputError, match="this is not a folder"):
        swept(tmp_path / "grid")
    assert (tmp_path / "grid").read_text() == ""


def test_a_folder_that_cannot_be_made_is_told_as_that_of_a_run_is() -> None:
    for make in (swept, lambda place: archsim.explore.run_points({}, place)):
        with pytest.raises(InputError, match="cannot be made or written: No such file") as refused:
            make(Path("/proc/grid"))
        assert refused.value.value == "/proc/grid"
        assert refused.value.remedy == "give another place with -o"


@pytest.mark.parametrize("table", ["points.csv", "runs.csv"])
def test_a_full_disk_is_told_with_the_folder_and_a_remedy(table: str, tmp_path: Path) -> None:
    swept(tmp_path / "grid")
    (tmp_path / "grid" / table).unlink()
    (tmp_path / "grid" / table).symlink_to("/dev/full")
    with pytest.raises(ArchsimError, match=r"nothing more can be written to .*grid: No space left(.|\n)*make room"):
        swept(tmp_path / "grid")


def test_a_folder_belongs_to_one_sweep_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "grid").mkdir()
    lock = FolderLock(tmp_path / "grid")
    with pytest.raises(InputError, match="another archsim"):
        swept(tmp_path / "grid")
    lock.release()
    swept(tmp_path / "grid")
    assert not (tmp_path / "grid" / "run.lock").exists()


@pytest.mark.parametrize("workers", [0, -1, True, 10**6])
def test_a_wrong_number_of_workers_is_refused(workers: int, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--workers"):
        swept(tmp_path / "grid", workers=workers)
    assert not (tmp_path / "grid").exists()


@pytest.mark.parametrize("vary", [{}, {"chip.adc.bits": []}, ["chip.adc.bits"], ["chip.adc.bits=6", "chip.adc.bits=7"]])
def test_wrong_axes_are_refused(vary: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--vary"):
        swept(tmp_path / "grid", vary)


MODULE = """
import os
import archsim
from archsim.data import load_data
from archsim.data.specification import DataSpecification


def half(specification):
    return load_data(DataSpecification(name="digits")).capped(100, None)


def deadly(specification):
    os._exit(7)
"""


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registered: None) -> Any:
    """A module of a user's own."""
    name = f"parts_of_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    return __import__(name)


def test_what_a_program_registered_reaches_workers_by_the_name_of_its_module(parts: Any, tmp_path: Path) -> None:
    archsim.register("dataset", "half", parts.half)
    points = swept(tmp_path / "grid", BITS, "data.name=half", workers=2)
    assert list(points["n"]) == [1, 1]


def test_what_workers_cannot_import_is_told_before_anything_runs(tmp_path: Path, registered: None) -> None:
    archsim.register("dataset", "unused", lambda specification: None)
    assert list(swept(tmp_path / "fine", workers=2)["n"]) == [1, 1]
    archsim.register("dataset", "mine", lambda specification: archsim.load_data("digits"))
    with pytest.raises(InputError, match="'mine' was registered in this program") as error:
        swept(tmp_path / "grid", BITS, "data.name=mine", workers=2)
    assert "a module of its own" in str(error.value)
    assert not stamps(tmp_path / "grid")


def test_what_a_script_defines_itself_is_told_and_needs_no_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import archsim\n"
        "from archsim.data import load_data\n"
        "from archsim.data.specification import DataSpecification\n"
        "def mine(specification):\n    return load_data(DataSpecification(name='digits'))\n"
        "archsim.register('dataset', 'mine', mine)\n"
        "vary = {'chip.adc.bits': [6, 8]}\n"
        f"short = {[*SHORT]!r}\n"
        "print(list(archsim.sweep('mlp_digits', vary, 'fine', overrides=short, workers=2)['n']))\n"
        "archsim.sweep('mlp_digits', vary, 'grid', overrides=[*short, 'data.name=mine'], workers=2)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stdout == "[1, 1]\n", done.stderr
    assert "defined in the program itself" in done.stderr


def test_a_worker_that_dies_takes_only_its_run_along(parts: Any, tmp_path: Path) -> None:
    archsim.register("dataset", "deadly", parts.deadly)
    points = swept(tmp_path / "grid", {"data.name": ["deadly", "digits"]}, workers=2).set_index("point")
    assert dict(points["n"]) == {"name=deadly": 0, "name=digits": 1}
    assert "exit code 7" in points.loc["name=deadly", "failure"]


def halving(axes: Sequence[Axis], results: pd.DataFrame) -> list[dict[str, str]]:
    """Begin at the ends, and go on beside the best point so far."""
    (axis,) = axes
    if not len(results):
        return [{axis.key: axis.values[0]}, {axis.key: axis.values[-1]}]
    best = axis.values.index(str(results.loc[results["loss"].idxmin(), axis.key]))
    return [{axis.key: axis.values[i]} for i in (best - 1, best + 1) if 0 <= i < len(axis.values)][:1]


def test_a_strategy_from_outside_proposes_points_in_the_light_of_results(tmp_path: Path, registered: None) -> None:
    asked: list[int] = []

    def watched(axes: Sequence[Axis], results: pd.DataFrame) -> list[dict[str, str]]:
        asked.append(len(results))
        return halving(axes, results)

    archsim.register("search", "halving", watched)
    vary = {"training.learning_rate": [0.001, 0.01, 0.05, 0.1, 0.2]}
    points = swept(tmp_path / "grid", vary, search="halving")
    assert asked[:2] == [0, 2]
    assert list(points["training.learning_rate"][:2]) == ["0.001", "0.2"]
    assert 3 <= len(points) < 5
    before = stamps(tmp_path)
    assert swept(tmp_path / "grid", vary, search="halving").equals(points)
    assert stamps(tmp_path) == before


def test_an_unknown_strategy_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchsimError, match="grid"):
        swept(tmp_path / "grid", search="gird")
