"""The section `inference`: a trained network on programmed conductances, in the folder of its run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim import Run
from archsim.cli.summary import inference_summary
from archsim.errors import InputError
from archsim.simulation import Interrupted

from .experiments import WORKLOADS

DOCUMENT = WORKLOADS / "mlp_digits.yaml"
SHORT = (
    "training.max_mini_batches=200",
    "run.evaluate_every=100",
    "run.checkpoint_every=20",
    "chip.device=ideal",
    "training.algorithm=hardware-aware",
)
ASKED = ("inference.times=[1, 86400]", "inference.repeats=3")
UNSCALED = ("chip.io.noise_management=none", "chip.io.bound_management=none")
RANGES = tuple(f"network.layers.{layer}.scaling.input_range.init_from_data=20" for layer in (0, 2, 4))


def load(*overrides: str, mode: str = "numerics") -> archsim.Experiment:
    return archsim.load_experiment(DOCUMENT, [*SHORT, *overrides], mode)


@pytest.fixture(scope="module")
def run() -> Run:
    return archsim.simulate(load(*ASKED))


def test_every_programming_is_evaluated_at_every_time(run: Run) -> None:
    assert run.inference["time_s"].tolist() == [1.0] * 3 + [86_400.0] * 3
    assert run.inference["programming"].tolist() == [1, 2, 3] * 2
    trained = run.learning["test_accuracy"].iloc[-1]
    assert trained > 0.8
    # The noise of the devices costs a point or two, not the network.
    assert (run.inference["test_accuracy"] > trained - 0.1).all()
    assert run.inference["test_accuracy"].nunique() > 1


def test_it_is_saved_loaded_and_printed(run: Run, tmp_path: Path) -> None:
    run.save(tmp_path / "run")
    assert archsim.load_run(tmp_path / "run") == run
    written = pd.read_csv(tmp_path / "run" / "inference.csv")
    assert written["test_accuracy"].tolist() == run.inference["test_accuracy"].tolist()
    table = inference_summary(run)
    assert list(table.columns[0].cells) == ["1 s", "86,400 s"]
    (tmp_path / "run" / "inference.csv").write_text("time_s,programming,test_accuracy\n1.0,1,1.0\n")
    with pytest.raises(InputError, match=r"damaged: inference\.csv is not what was saved"):
        archsim.load_run(tmp_path / "run")


def test_a_resumed_run_ends_with_the_same_numbers(run: Run, tmp_path: Path) -> None:
    asked = iter([False] * 300 + [True] * 10_000)
    with pytest.raises(Interrupted) as stopped:
        archsim.simulate(load(*ASKED), workspace=tmp_path, interrupted=lambda: next(asked))
    assert not len(stopped.value.run.inference), "nothing is trained yet"
    resumed = archsim.simulate(load(*ASKED), workspace=tmp_path, resume=True)
    pd.testing.assert_frame_equal(resumed.inference, run.inference)


def test_threads_change_nothing(run: Run) -> None:
    pd.testing.assert_frame_equal(archsim.simulate(load(*ASKED, "run.threads=2")).inference, run.inference)


def test_it_changes_nothing_of_the_training(run: Run) -> None:
    plain = archsim.simulate(load())
    assert not len(plain.inference)
    pd.testing.assert_frame_equal(plain.learning, run.learning)


def test_where_nothing_is_computed_there_is_nothing_to_evaluate() -> None:
    asked = load(*ASKED, "training.algorithm=analog-sgd", mode="timing")
    assert not len(archsim.simulate(asked).inference)


@pytest.mark.parametrize("algorithm", ["hardware-aware", "analog-sgd"])
def test_learned_ranges_and_ranges_chosen_after_training(algorithm: str, tmp_path: Path) -> None:
    chosen = ("inference.post_training.conductance_ranges=true", "inference.post_training.dac_ranges=true")
    overrides = (*ASKED, *UNSCALED, *RANGES, *chosen, f"training.algorithm={algorithm}")
    run = archsim.simulate(load(*overrides))
    assert (run.inference["test_accuracy"] > run.learning["test_accuracy"].iloc[-1] - 0.1).all()
    asked = iter([False] * 300 + [True] * 10_000)
    with pytest.raises(Interrupted):
        archsim.simulate(load(*overrides), workspace=tmp_path, interrupted=lambda: next(asked))
    resumed = archsim.simulate(load(*overrides), workspace=tmp_path, resume=True)
    np.testing.assert_array_equal(resumed.weights["fc1"], run.weights["fc1"])
    pd.testing.assert_frame_equal(resumed.inference, run.inference)


@pytest.mark.parametrize(
    ("override", "field"),
    [
        (RANGES[1], "network.layers.2.scaling.input_range"),
        ("inference.post_training.dac_ranges=true", "inference.post_training.dac_ranges"),
    ],
)
def test_ranges_need_inputs_that_nothing_else_scales(override: str, field: str) -> None:
    with pytest.raises(InputError, match="noise management scales every vector by itself") as error:
        load(override)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("override", "text"),
    [
        ("inference.times=[]", "inference.times"),
        ("inference.times=[-1]", "inference.times.0"),
        ("inference.noise.kind=pcm", "inference.noise"),
        ("inference.noise.kind=reram-wan2022", "known at 1, 86400, 172800 seconds only"),
        ("inference.repeats=0", "inference.repeats"),
    ],
)
def test_what_cannot_be_is_refused(override: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load(override)
