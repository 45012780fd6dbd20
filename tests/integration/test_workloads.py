"""Every workload runs, shortened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import archsim

from .experiments import WORKLOADS

FEW = ("data.samples=400", "data.test_samples=200")
SHORT = {
    "kws_digits": ("training.max_mini_batches=4", *FEW),
    "lenet5_mnist": ("training.max_mini_batches=3", *FEW),
    "lstm_text": ("training.max_mini_batches=4", "data.samples=64", "data.test_samples=20"),
    "mlp_digits": ("training.max_mini_batches=20",),
    "mlp_mnist": ("training.max_mini_batches=20", *FEW),
    "pipeline_unit": ("training.max_mini_batches=4",),
    "residual_mnist": ("training.max_mini_batches=6", *FEW),
    "resnet32_cifar10": ("training.max_mini_batches=1", "data.samples=64", "data.test_samples=20"),
    "resnet9_cifar10": ("training.max_mini_batches=2", "data.samples=64", "data.test_samples=20"),
    "resnet9_hermes": ("training.max_mini_batches=2",),
    "transformer_text": ("training.max_mini_batches=4", "data.samples=64", "data.test_samples=20"),
    "vgg8_cifar10": ("training.max_mini_batches=2", "data.samples=64", "data.test_samples=20"),
    "vit_cifar10": ("training.max_mini_batches=2", "data.samples=64", "data.test_samples=20"),
}
#: Data sets whose files do not come with archsim: the folder of each has its name.
IN_FOLDERS = ("cifar10", "mnist", "spoken-digits", "text")


def test_every_workload_is_run_here() -> None:
    assert set(SHORT) == {path.stem for path in WORKLOADS.glob("*.yaml")}


@pytest.mark.parametrize("name", sorted(SHORT))
def test_workload_runs(name: str) -> None:
    experiment = archsim.load_experiment(WORKLOADS / f"{name}.yaml", SHORT[name])
    folder, data = os.environ.get("ARCHSIM_DATA"), experiment.data.name
    if data in IN_FOLDERS and not (folder and (Path(folder) / data).is_dir()):
        pytest.skip(f"{data} is not there: set ARCHSIM_DATA to a folder with the folder '{data}'")
    run = archsim.simulate(experiment)
    assert run.metrics["makespan_ps"] > 0
    assert (run.metrics["accuracy"] is None) == (name in ("pipeline_unit", "resnet9_hermes"))


WITHOUT_DATA = ["kws_digits", "lenet5_mnist", "lstm_text", "residual_mnist", "transformer_text", "vit_cifar10"]


@pytest.mark.parametrize("name", WITHOUT_DATA)
def test_a_timing_run_needs_no_data(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)
    experiment = archsim.load_experiment(WORKLOADS / f"{name}.yaml", ["data.samples=32"], "timing")
    assert archsim.simulate(experiment).metrics["makespan_ps"] > 0


def test_digits_are_learnt() -> None:
    """The main job as it stands: above 90 % on samples that it has not seen."""
    run = archsim.simulate(archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", ["run.timeline=false"]))
    assert run.metrics["accuracy"] > 0.90
