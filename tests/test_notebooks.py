"""The notebooks that are shipped run from the first cell to the last, and show what they say."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


def cells(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == "code"]


def test_there_is_one() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_it_is_shipped_without_outputs(file: Path) -> None:
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells(file))


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.name)
def test_it_runs_and_shows_its_results(file: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copy(file, tmp_path))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbmake", "--nbmake-timeout=-1"]
    environment = os.environ | {
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "jupyter"),
    }
    done = subprocess.run(
        [*command, "--overwrite", copy.name],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [output for cell in cells(copy) for output in cell["outputs"]]
    assert not [output for output in shown if output["output_type"] == "error" or output.get("name") == "stderr"]
    data = [output["data"] for output in shown if "data" in output]
    assert any("<Run 'mlp_digits'" in "".join(one["text/plain"]) and "text/html" in one for one in data)
    assert any("{'schedule.kind': ('sequential', 'asynchronous')}" in "".join(one["text/plain"]) for one in data)
    assert sum("image/png" in one for one in data) == 3
    assert (tmp_path / "runs" / "sequential" / "report.html").is_file()
