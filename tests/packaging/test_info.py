"""`archsim info` says what a report of a bug needs."""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

import archsim
from archsim._core.cpu import built_with
from archsim.cli.app import app


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The table as a mapping; long cells are put together again."""
    (tmp_path / "mnist").mkdir()
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    result = CliRunner().invoke(app, ["info"])
    assert result.exit_code == 0, result.output
    found: dict[str, str] = {}
    for line in result.output.splitlines():
        cells = re.match(r" (?P<name>\S.*?)? {2,}(?P<text>\S.*?) *$", line)
        if cells and cells["name"]:
            last = cells["name"]
            found[last] = cells["text"]
        elif cells and found:
            found[last] += cells["text"]
    return found


def test_versions_machine_and_core_are_there(rows: dict[str, str]) -> None:
    assert rows["archsim"] == version("archsim")
    assert rows["installed in"] == str(Path(archsim.__file__).parent)
    assert rows["python"].startswith(f"{platform.python_implementation()} {platform.python_version()} in ")
    assert rows["platform"] == platform.platform()
    assert rows["processor"].startswith(platform.machine())
    assert rows["instruction set"].startswith(("baseline (", "avx2 (", "avx512 ("))
    assert re.search(r"\d threads outside a run", rows["BLAS"])


def test_the_core_says_what_it_was_built_with(rows: dict[str, str]) -> None:
    compiler, flags = built_with()
    assert re.search(r"\d+\.\d+", compiler)
    # Without this one each instruction set would have last bits of its own.
    assert "-ffp-contract=off" in flags.split()
    assert rows["core built with"] == f"{compiler} {flags}"


def test_what_is_set_from_outside_is_there(rows: dict[str, str], tmp_path: Path) -> None:
    assert rows["data folder"].replace(" ", "").startswith(str(tmp_path))
    assert rows["data folder"].endswith("holds mnist")
    assert "OMP_NUM_THREADS=3" in rows["environment"]


def test_every_dependency_is_named_with_its_version(rows: dict[str, str]) -> None:
    together = rows["dependencies"].replace(" ", "")
    for name in ("numpy", "pandas", "pydantic", "scipy", "simpy", "typer"):
        assert f"{name}{version(name)}" in together
