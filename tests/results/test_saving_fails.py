"""Whatever goes wrong while results are saved, what could be written stays, and a checkpoint."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim import simulate
from archsim.errors import ArchsimError, InputError
from archsim.results import Run
from archsim.results.workspace import Workspace

WORKLOAD = Path(__file__).resolve().parents[2] / "workloads" / "mlp_digits.yaml"
SHORT = ("training.max_mini_batches=2", "data.test_samples=20")


def run_in(space: Workspace) -> Run:
    return simulate(archsim.load_experiment(WORKLOAD, SHORT), workspace=space.directory)


def test_results_that_have_no_place_in_a_file_leave_the_rest_and_a_checkpoint(tmp_path: Path) -> None:
    space = Workspace.begin(tmp_path / "run", "document", "1")
    run = run_in(space)
    odd = replace(run, metrics={**run.metrics, "energy_pj": float("inf")})
    with pytest.raises(ArchsimError, match=r"not all results can be written to .*ValueError(.|\n)*checkpoint"):
        space.save(odd, complete=True)
    space.leave()
    assert not (tmp_path / "run" / "run.json").exists()
    with np.load(tmp_path / "run" / "weights.npz") as weights:
        np.testing.assert_array_equal(weights["fc1"], run.weights["fc1"])
    again = simulate(archsim.load_experiment(WORKLOAD, SHORT), workspace=tmp_path / "run", resume=True)
    assert again.metrics == run.metrics
    assert again.timeline.equals(run.timeline)


def test_a_report_that_cannot_be_made_leaves_the_data(tmp_path: Path) -> None:
    space = Workspace.begin(tmp_path / "run", "document", "1")
    run = run_in(space)

    def report(folder: Path) -> None:
        raise ZeroDivisionError("no room for a figure")

    with pytest.raises(ArchsimError, match="ZeroDivisionError: no room for a figure"):
        space.save(run, complete=True, extra=(report,))
    space.leave()
    assert archsim.load_run(tmp_path / "run") == run


def test_what_could_not_be_saved_is_refused_before_the_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        Workspace.begin(tmp_path / os.fsdecode(b"\xff"), "document", "1")
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"network\.layers\.0\.name"):
        archsim.load_experiment(WORKLOAD, (f"network.layers.0.name={'a' * 65_535}",))
