"""A run that stops between any two events and is taken up again equals one that never stopped."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.engine.checkpoint.context import Context
from archsim.engine.checkpoint.folder import CheckpointFolder
from archsim.engine.checkpoint.store import CheckpointError, restore_objects, store_objects
from archsim.errors import InputError
from archsim.results import Run
from archsim.results.workspace import FolderGone
from archsim.simulation import Interrupted, prepare, simulate

WORKLOAD = Path(__file__).resolve().parents[3] / "workloads" / "mlp_digits.yaml"
KINDS = ("sequential", "gpipe", "synchronous", "asynchronous", "zb-h1")


def experiment(kind: str, mode: str, threads: int = 1, *more: str) -> archsim.Experiment:
    overrides = (
        "training.max_mini_batches=12",
        "training.mini_batch=12",
        "run.evaluate_every=5",
        "data.test_samples=60",
        "schedule.micro_batches=4",
        "run.checkpoint_every=3",
        f"schedule.kind={kind}",
        f"run.threads={threads}",
        *more,
    )
    return archsim.load_experiment(WORKLOAD, overrides, mode)


def in_pieces(what: archsim.Experiment, workspace: Path, seed: int, most: int = 700) -> tuple[Run, int]:
    """Run with interruptions after random numbers of events, up to `most`; return the run and how often it stopped."""
    chance = random.Random(seed)
    stops = 0
    while True:
        left = chance.randint(1, most)

        def interrupted() -> bool:
            nonlocal left
            left -= 1
            return left <= 0

        try:
            return simulate(what, workspace=workspace, resume=True, interrupted=interrupted), stops
        except Interrupted:
            stops += 1


def assert_equal_runs(one: Run, other: Run) -> None:
    assert one.metrics == other.metrics
    assert repr(one.metrics) == repr(other.metrics)  # layers stand in the same order, too
    assert one.learning.equals(other.learning)
    assert one.cost.equals(other.cost)
    assert one.timeline.equals(other.timeline)
    for layer, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[layer])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["coupled", "timing", "numerics"])
def test_resumed_equals_uninterrupted(kind: str, mode: str, tmp_path: Path) -> None:
    what = experiment(kind, mode)
    resumed, stops = in_pieces(what, tmp_path, seed=KINDS.index(kind))
    assert_equal_runs(resumed, simulate(what))
    if mode != "numerics":
        assert stops >= 2


@pytest.mark.parametrize("chip", ["reram-1024", "unit"])
def test_resumed_equals_uninterrupted_where_stages_share_a_place(chip: str, tmp_path: Path) -> None:
    what = experiment("asynchronous", "coupled", 1, f"chip={chip}", "schedule.places=[0, 1, 0]")
    resumed, stops = in_pieces(what, tmp_path, seed=1, most=200)
    assert_equal_runs(resumed, simulate(what))
    assert stops >= 2


@pytest.mark.parametrize(("kind", "chip"), [("interleaved", "reram-1024"), ("zb-v", "unit")])
@pytest.mark.parametrize("mode", ["timing", "numerics"])
def test_resumed_equals_uninterrupted_where_a_place_orders_its_stages(
    kind: str, chip: str, mode: str, tmp_path: Path
) -> None:
    what = experiment(kind, mode, 1, f"chip={chip}")
    resumed, stops = in_pieces(what, tmp_path, seed=2, most=100)
    assert_equal_runs(resumed, simulate(what))
    assert stops >= 2


def test_layers_stand_in_the_order_of_the_network_however_often_it_was_interrupted(tmp_path: Path) -> None:
    what = experiment("gpipe", "numerics")
    resumed, stops = in_pieces(what, tmp_path, seed=1, most=9)
    assert stops >= 5
    assert_equal_runs(resumed, simulate(what))
    assert [*resumed.metrics["pulses"]] == ["fc1", "fc2", "fc3"]


def test_resumed_with_another_number_of_threads(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        simulate(experiment("asynchronous", "coupled"), workspace=tmp_path, interrupted=_after(400))
    resumed = simulate(experiment("asynchronous", "coupled", threads=2), workspace=tmp_path, resume=True)
    whole = simulate(experiment("asynchronous", "coupled"))
    np.testing.assert_array_equal(resumed.weights["fc1"], whole.weights["fc1"])
    assert resumed.metrics == whole.metrics


def test_interrupted_run_tells_what_was_observed(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as stopped:
        simulate(experiment("asynchronous", "coupled"), workspace=tmp_path, interrupted=_after(800))
    run = stopped.value.run
    assert 0 < run.metrics["mini_batches"] < 12
    lengths = run.timeline.end_ps - run.timeline.start_ps
    assert (lengths.groupby(run.timeline.unit, observed=True).sum() == run.metrics["makespan_ps"]).all()


def test_only_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    simulate(experiment("sequential", "timing"), workspace=tmp_path)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2


def _after(events: int) -> Callable[[], bool]:
    left = [events]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    return interrupted


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints", "1.2", {"experiment": "experiment"})


def test_damaged_checkpoint_gives_way_to_the_one_before(folder: CheckpointFolder) -> None:
    folder.save(b"first")
    folder.save(b"second")
    newest = max(folder.directory.iterdir())
    newest.write_bytes(newest.read_bytes()[:-1])
    assert folder.load() == b"first"


def test_no_whole_checkpoint_is_an_error_and_none_at_all_is_not(folder: CheckpointFolder) -> None:
    assert folder.load() is None
    folder.save(b"first")
    (only,) = folder.directory.iterdir()
    only.write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="damaged"):
        folder.load()


def link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def nested_without_end(path: Path) -> None:
    path.write_bytes(b"[" * 100_000)


@pytest.mark.parametrize("make", [os.mkfifo, link_to_zeros, nested_without_end, Path.mkdir])
def test_what_is_no_regular_file_is_no_checkpoint(folder: CheckpointFolder, make: Callable[[Path], None]) -> None:
    folder.save(b"first")
    make(folder.directory / "checkpoint-000002.bin")
    assert folder.load() == b"first"
    (folder.directory / "checkpoint-000001.bin").unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        folder.load()


def test_checkpoint_of_another_version_or_experiment_is_refused(folder: CheckpointFolder) -> None:
    folder.save(b"first")
    with pytest.raises(InputError, match=r"version 1\.2"):
        CheckpointFolder(folder.directory, "1.3", {"experiment": "experiment"}).load()
    with pytest.raises(InputError, match="another experiment"):
        CheckpointFolder(folder.directory, "1.2", {"experiment": "other"}).load()


def test_checkpoint_of_another_format_is_refused(folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("archsim.engine.checkpoint.folder._FORMAT", 1)
        folder.save(b"mine")
    with pytest.raises(InputError, match=r"another version[\s\S]*version 1.2, format 1[\s\S]*version 1.2, format "):
        folder.load()


def test_what_is_made_anew_has_a_name_that_does_not_depend_on_the_length_of_the_run() -> None:
    short, long = (prepare(experiment("gpipe", "timing"), [f"training.max_mini_batches={n}"]) for n in (2, 5))
    names, others = (Context(made.setup, made.graph, made.layout.expected).names() for made in (short, long))
    assert names.keys() == others.keys()
    assert len({id(value) for value in names.values()}) == len(names)
    assert names["setup.chip"] is short.setup.chip
    assert names["setup.schedule.shape"] is short.schedule.shape
    step = next(iter(short.setup.programs[0].matrix_steps))
    assert any(value is step for value in names.values())
    assert any(value is step.placement.parts[0] for value in names.values())


def test_checkpoint_that_cannot_be_written_leaves_the_last_one(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.save(b"first")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match="No space left on device"):
        folder.save(b"second")
    assert [path.suffix for path in folder.directory.iterdir()] == [".bin"]
    assert folder.load() == b"first"


@pytest.mark.parametrize("deleted", [False, True])
def test_folder_that_is_replaced_meanwhile_is_left_alone(
    folder: CheckpointFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    other = CheckpointFolder(tmp_path / "other", "1.2", {"experiment": "experiment"})
    for state in (b"theirs", b"theirs too"):
        folder.save(state)
        other.save(state)
    before = {path.name: path.read_bytes() for path in other.directory.iterdir()}

    def replace(handle: int) -> None:
        monkeypatch.undo()
        if deleted:
            shutil.rmtree(folder.directory)
        else:
            folder.directory.rename(tmp_path / "renamed")
        other.directory.rename(folder.directory)

    monkeypatch.setattr(os, "fsync", replace)
    if deleted:
        with pytest.raises(CheckpointError, match="cannot be written"):
            folder.save(b"mine")
    else:
        folder.save(b"mine")
        assert CheckpointFolder(tmp_path / "renamed", "1.2", {"experiment": "experiment"}).load() == b"mine"
    assert {path.name: path.read_bytes() for path in folder.directory.iterdir()} == before


def test_rebuilt_objects_are_referred_to_by_name() -> None:
    rebuilt, other = [1, 2], [3]
    stored = store_objects({"here": rebuilt, "there": other}, {"list": rebuilt})
    replaced = [9]
    found = restore_objects(stored, {"list": replaced})
    assert found["here"] is replaced
    assert found["there"] == [3]
    with pytest.raises(CheckpointError, match="refers to 'list'"):
        restore_objects(stored, {})


@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_another_folder_in_place_of_the_runs_own_is_left_alone(tmp_path: Path, has_checkpoints: bool) -> None:
    for name in ("mine", "theirs"):
        (tmp_path / name).mkdir()
    mine, theirs = (
        CheckpointFolder(tmp_path / name / "checkpoints", "1.2", {"experiment": "same"}) for name in ("mine", "theirs")
    )
    mine.save(b"mine")
    if has_checkpoints:
        theirs.save(b"theirs")
    (tmp_path / "mine").rename(tmp_path / "away")
    (tmp_path / "theirs").rename(tmp_path / "mine")
    before = sorted((tmp_path / "mine").rglob("*"))
    with pytest.raises(FolderGone, match="is gone"):
        mine.save(b"mine, too")
    assert sorted((tmp_path / "mine").rglob("*")) == before
    assert mine.load() == (b"theirs" if has_checkpoints else None)
