"""A run goes on only with the data that it was begun with: their digests belong to its identity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.simulation import Interrupted


def written(folder: Path, seed: int) -> Path:
    draw = np.random.default_rng(seed)
    file = folder / "samples.npz"
    np.savez(
        file,
        train_inputs=draw.random((60, 64), dtype=np.float32),
        train_targets=draw.integers(0, 10, 60),
        test_inputs=draw.random((20, 64), dtype=np.float32),
        test_targets=draw.integers(0, 10, 20),
    )
    return file


def load(file: Path) -> Experiment:
    overrides = ["data={name: npz, path: " + str(file) + "}", "training.epochs=2", "run.checkpoint_every=2"]
    return archsim.load_experiment("mlp_digits", overrides, mode="numerics")


def test_a_changed_data_file_is_noticed_on_resume(tmp_path: Path) -> None:
    file = written(tmp_path, 1)
    before = file.read_bytes()
    experiment = load(file)
    whole = archsim.simulate(experiment)
    asked = iter([False] * 100 + [True] * 10_000)
    with pytest.raises(Interrupted):
        archsim.simulate(experiment, workspace=tmp_path / "run", interrupted=lambda: next(asked))
    written(tmp_path, 2)
    with pytest.raises(InputError, match="its data have changed"):
        archsim.simulate(experiment, workspace=tmp_path / "run", resume=True)
    file.write_bytes(before)
    assert archsim.simulate(experiment, workspace=tmp_path / "run", resume=True).metrics == whole.metrics
