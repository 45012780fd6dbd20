"""Result folders appear whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim.errors import InputError
from archsim.results.folder import write_folder

MARKER = "run.json"


def write_two(folder: Path) -> None:
    (folder / MARKER).write_text("{}")
    (folder / "data").write_text("new")


def fail(folder: Path) -> None:
    (folder / MARKER).write_text("half")
    raise RuntimeError("the disk is gone")


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    write_folder(target, (write_two,), marker=MARKER)
    assert sorted(path.name for path in target.iterdir()) == ["data", MARKER]
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        write_folder(tmp_path / "run", (fail,), marker=MARKER)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_needs_force(tmp_path: Path) -> None:
    target = tmp_path / "run"
    write_folder(target, (write_two,), marker=MARKER)
    (target / "old").write_text("old")
    with pytest.raises(InputError, match="exists already"):
        write_folder(target, (write_two,), marker=MARKER)
    assert (target / "old").exists()
    write_folder(target, (write_two,), marker=MARKER, force=True)
    assert not (target / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_failing_replacement_leaves_the_old_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    write_folder(target, (write_two,), marker=MARKER)
    with pytest.raises(RuntimeError):
        write_folder(target, (fail,), marker=MARKER, force=True)
    assert (target / "data").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_force_replaces_nothing_of_somebody_else(tmp_path: Path) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.tex").write_text("years of work")
    note = tmp_path / "note"
    note.write_text("x")
    link = tmp_path / "link"
    link.symlink_to(thesis)
    for target in (thesis, note, link):
        with pytest.raises(InputError, match="not a folder that archsim wrote"):
            write_folder(target, (write_two,), marker=MARKER, force=True)
    assert (thesis / "chapter.tex").read_text() == "years of work"


def test_force_takes_an_empty_folder(tmp_path: Path) -> None:
    target = tmp_path / "run"
    target.mkdir()
    write_folder(target, (write_two,), marker=MARKER, force=True)
    assert (target / MARKER).is_file()


def test_a_place_that_cannot_hold_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be made"):
        write_folder(tmp_path / "file" / "run", (write_two,), marker=MARKER)
