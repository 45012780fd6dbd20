"""Every workload runs, shortened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import archsim

from .experiments import WORKLOADS

SHORT = {
    "mlp_digits": ("training.max_mini_batches=20",),
    "mlp_mnist": ("training.max_mini_batches=20", "data.samples=400", "data.test_samples=200"),
    "pipeline_unit": ("training.max_mini_batches=4",),
}


def test_every_workload_is_run_here() -> None:
    assert set(SHORT) == {path.stem for path in WORKLOADS.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(SHORT))
def test_workload_runs(name: str) -> None:
    folder = os.environ.get("ARCHSIM_DATA")
    if name == "mlp_mnist" and not (folder and (Path(folder) / "mnist").is_dir()):
        pytest.skip("MNIST is not there: set ARCHSIM_DATA to a folder with the folder 'mnist'")
    run = archsim.simulate(archsim.load_experiment(WORKLOADS / f"{name}.yaml", SHORT[name]))
    assert run.metrics["makespan_ps"] > 0
    assert (run.metrics["accuracy"] is None) == (name == "pipeline_unit")


def test_digits_are_learnt() -> None:
    """The main job as it stands: above 90 % on samples that it has not seen."""
    run = archsim.simulate(archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", ["run.timeline=false"]))
    assert run.metrics["accuracy"] > 0.90
