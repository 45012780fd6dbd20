"""A run that is made longer while it goes on equals one that was as long from the start, bit for bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim.errors import InputError
from archsim.runs.opening import open_to_resume
from archsim.simulation import Interrupted

from .experiments import WORKLOADS

#: Ten mini-batches an epoch, with a rate that falls after each.
SHORT = (
    "data.samples=100",
    "data.test_samples=60",
    "schedule.micro_batches=2",
    "training.learning_rate_schedule={kind: step, epochs: 1, factor: 0.7}",
    "run.checkpoint_every=1",
)


def load(epochs: int, *overrides: str) -> archsim.Experiment:
    return archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", [*SHORT, f"training.epochs={epochs}", *overrides])


def stopped(experiment: archsim.Experiment, folder: Path, mini_batches: int) -> None:
    """Run an experiment, and stop it after so many mini-batches."""
    done = 0

    def progress(now: object) -> None:
        nonlocal done
        done += 1

    with pytest.raises(Interrupted):
        archsim.simulate(experiment, workspace=folder, progress=progress, interrupted=lambda: done >= mini_batches)


@pytest.mark.parametrize("mode", ["numerics", "coupled"])
@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous", "two-version"])
def test_it_equals_one_that_was_as_long_from_the_start(kind: str, mode: str, tmp_path: Path) -> None:
    settings = (f"schedule.kind={kind}", f"run.mode={mode}", "chip.buffer.capacity=1 MiB")
    stopped(load(2, *settings), tmp_path, 14)
    longer = archsim.simulate(load(4, *settings), workspace=tmp_path, resume=True)
    whole = archsim.simulate(load(4, *settings))
    assert longer.observations == whole.observations
    pd.testing.assert_frame_equal(longer.learning, whole.learning)
    pd.testing.assert_frame_equal(longer.timeline, whole.timeline)
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(longer.weights[name], array)


def test_the_cap_on_mini_batches_may_be_raised_too(tmp_path: Path) -> None:
    stopped(load(9, "training.max_mini_batches=20"), tmp_path, 5)
    longer = archsim.simulate(load(9, "training.max_mini_batches=27"), workspace=tmp_path, resume=True)
    assert longer.observations == archsim.simulate(load(9, "training.max_mini_batches=27")).observations


def test_where_a_longer_run_would_do_something_else_it_is_refused(tmp_path: Path) -> None:
    # An asynchronous pipeline drains after the last samples have come.
    stopped(load(2), tmp_path, 19)
    with pytest.raises(InputError, match="too near to its end") as error:
        archsim.simulate(load(3), workspace=tmp_path, resume=True)
    assert "--weights" in str(error.value.remedy)
    assert archsim.simulate(load(2), workspace=tmp_path, resume=True) is not None


def test_a_run_is_not_made_shorter(tmp_path: Path) -> None:
    stopped(load(3), tmp_path, 5)
    with pytest.raises(InputError, match="can be made longer, not shorter"):
        archsim.simulate(load(2), workspace=tmp_path, resume=True)


def test_a_folder_says_what_may_go_on_there(tmp_path: Path) -> None:
    finished = tmp_path / "finished"
    archsim.simulate(load(1)).save(finished)
    assert open_to_resume(load(1), finished) is None
    with pytest.raises(InputError, match="a finished run cannot be made longer") as error:
        open_to_resume(load(2), finished)
    assert f"--weights {finished}" in str(error.value.remedy)
    with pytest.raises(InputError, match="begun with another experiment") as other:
        open_to_resume(load(2, "training.learning_rate=0.3"), finished)
    assert "training.epochs" not in str(other.value)
