"""The folder of a run in progress: one process works in it, and nothing that was there is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from archsim.errors import ArchsimError, InputError
from archsim.results import Run, check_run_directory, load_run
from archsim.results.workspace import FolderGone, State, Workspace, state_of

from .synthetic import synthetic_run

DOCUMENT = "name: mine\n"


@pytest.fixture(scope="module")
def run() -> Run:
    return synthetic_run(micro_batches=4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "run"


def begin(folder: Path, *, force: bool = False, document: str = DOCUMENT) -> Workspace:
    return Workspace.begin(folder, document, "1.0", force=force)


def checkpoint(folder: Path) -> None:
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "checkpoint-000001.bin").write_bytes(b"state")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_run_begins_and_ends(folder: Path, run: Run) -> None:
    assert state_of(folder) is State.ABSENT
    space = begin(folder)
    assert names(folder) == {"run.lock", "experiment.yaml"}
    assert names(folder.parent) == {"run"}
    assert state_of(folder) is State.UNFINISHED
    with pytest.raises(InputError, match=r"not finished(.|\n)*--resume"):
        load_run(folder)
    with pytest.raises(InputError, match="at work in this folder"):
        check_run_directory(folder, force=True)
    checkpoint(folder)
    (folder / "timeline").mkdir()
    space.save(run, complete=True)
    space.leave()
    assert state_of(folder) is State.FINISHED
    assert not names(folder) & {"run.lock", "checkpoints", "timeline"}
    assert load_run(folder) == run


def test_results_so_far_can_be_read_and_the_run_goes_on(folder: Path, run: Run) -> None:
    space = begin(folder)
    checkpoint(folder)
    space.save(run, complete=False)
    space.leave()
    assert load_run(folder) == run
    assert state_of(folder) is State.UNFINISHED
    again = Workspace.resume(folder, "1.0")
    assert again.has_checkpoint
    again.save(run, complete=True)
    again.leave()
    assert state_of(folder) is State.FINISHED


def test_only_one_works_in_a_folder(folder: Path) -> None:
    space = begin(folder)
    for take in (lambda: begin(folder), lambda: begin(folder, force=True), lambda: Workspace.resume(folder, "1.0")):
        with pytest.raises(InputError, match=r"another archsim \(process \d+ on .*\) is running"):
            take()
    checkpoint(folder)
    space.leave()
    Workspace.resume(folder, "1.0").leave()
    with pytest.raises(InputError, match=r"not finished(.|\n)*--resume"):
        begin(folder)


def test_another_version_is_named(folder: Path) -> None:
    space = begin(folder)
    checkpoint(folder)
    space.leave()
    with pytest.raises(InputError, match=r"version 1\.0(.|\n)*version 2\.0"):
        Workspace.resume(folder, "2.0")
    Workspace.resume(folder, "1.0").leave()


def test_a_run_with_nothing_to_show_goes_without_a_trace(folder: Path, tmp_path: Path) -> None:
    begin(folder).leave()
    assert list(tmp_path.iterdir()) == []


def test_what_a_run_should_have_replaced_comes_back(folder: Path, run: Run) -> None:
    first = begin(folder)
    first.save(run, complete=True)
    first.leave()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="--force"):
        begin(folder)
    second = begin(folder, force=True, document="name: other\n")
    assert (folder / "experiment.yaml").read_text() == "name: other\n"
    assert state_of(folder) is State.UNFINISHED
    second.leave()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert names(folder.parent) == {"run"}


def test_what_a_run_replaces_goes_once_there_are_results(folder: Path, run: Run) -> None:
    first = begin(folder)
    checkpoint(folder)
    (folder / "old").write_text("old")
    first.leave()
    second = begin(folder, force=True)
    assert (folder / "replaced" / "old").is_file()
    assert not second.has_checkpoint
    second.save(run, complete=False)
    assert not (folder / "replaced").exists()
    second.leave()


@pytest.mark.parametrize("force", [False, True])
def test_a_foreign_folder_is_never_taken(tmp_path: Path, force: bool) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "experiment.yaml").write_text("years of work")
    (tmp_path / "link").symlink_to(thesis)
    (tmp_path / "file").write_text("x")
    for name in ("thesis", "link", "file"):
        assert state_of(tmp_path / name) is State.FOREIGN
        with pytest.raises(InputError, match=r"not one that archsim wrote|not a folder"):
            begin(tmp_path / name, force=force)
    assert names(tmp_path) == {"thesis", "link", "file"}
    assert names(thesis) == {"experiment.yaml"}


def test_an_empty_folder_needs_force(folder: Path) -> None:
    folder.mkdir(parents=True)
    assert state_of(folder) is State.EMPTY
    with pytest.raises(InputError, match="exists already"):
        begin(folder)
    begin(folder, force=True)
    assert state_of(folder) is State.UNFINISHED


@pytest.mark.parametrize("happening", ["deleted", "replaced"])
def test_a_folder_that_is_gone_is_noticed(folder: Path, run: Run, happening: str) -> None:
    space = begin(folder)
    space.check()
    folder.rename(folder.with_name("moved"))
    if happening == "replaced":
        other = begin(folder)
        checkpoint(folder)
        other.leave()
    with pytest.raises(FolderGone, match="deleted or replaced"):
        space.check()
    with pytest.raises(FolderGone):
        space.save(run, complete=True)
    space.leave()
    assert folder.exists() is (happening == "replaced")


def _full(folder: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_full_disk_keeps_the_checkpoint_and_earlier_results(folder: Path, run: Run) -> None:
    space = begin(folder)
    checkpoint(folder)
    space.save(run, complete=False)
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(ArchsimError, match=r"No space left on device \(the last checkpoint is kept\)") as caught:
        space.save(run, complete=True, extra=(_full,))
    assert caught.value.exit_code == 1
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert space.has_checkpoint
    space.leave()
    assert state_of(folder) is State.UNFINISHED


def _killed(folder: Path) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("at", ["run.json", "cost.csv", "weights.npz"])
def test_a_kill_between_two_files_leaves_a_run_that_goes_on(
    folder: Path, run: Run, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = begin(folder)
    checkpoint(folder)
    space.save(run, complete=False)
    replace: Callable[[Path, Path], Path] = Path.replace

    def stop(path: Path, target: Path) -> Path:
        if path.name == at:
            raise KeyboardInterrupt
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        space.save(run, complete=True)
    monkeypatch.undo()
    assert state_of(folder) is State.UNFINISHED
    assert not (folder / "run.json").exists()
    assert space.has_checkpoint
    space.save(run, complete=True)
    space.leave()
    assert load_run(folder) == run


def test_what_a_killed_process_did_not_clear_is_cleared(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = begin(folder)
    checkpoint(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Workspace, "tidy", _killed)
        with pytest.raises(KeyboardInterrupt):
            space.save(run, complete=True)
    space.leave()
    assert state_of(folder) is State.FINISHED
    assert {"run.lock", "checkpoints"} <= names(folder)
    Workspace.sweep(folder)
    assert not names(folder) & {"run.lock", "checkpoints"}
    assert json.loads((folder / "run.json").read_text())["complete"] is True
