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
    assert list(table.columns[0].cells) == ["1 s", "1 day"]
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
    with pytest.raises(InputError, match="a timing run computes no weights") as error:
        load(*ASKED, "training.algorithm=analog-sgd", mode="timing")
    assert error.value.field == "inference"
    load(*ASKED, "inference=null", mode="timing")


OFF = "inference.drift_compensation"


def off(run: Run) -> list[float]:
    return run.inference["test_accuracy"].tolist()


def test_drift_compensation_is_switched_off_in_every_way_of_writing_it(tmp_path: Path) -> None:
    asked = (*ASKED, "training.max_mini_batches=20", "inference.noise={kind: pcm-like, drift_scale: 4}")
    reference = archsim.simulate(load(*asked, f"{OFF}.kind=none"))
    assert off(reference) != off(archsim.simulate(load(*asked)))
    for override in (f"{OFF}=none", f"{OFF}=null"):
        assert off(archsim.simulate(load(*asked, override))) == off(reference)
    resolved = load(*asked).model_dump(mode="json")
    for written in (None, "none", {"kind": "none"}):
        document = resolved | {"inference": resolved["inference"] | {"drift_compensation": written}}
        assert archsim.load_experiment(document).inference == load(*asked, f"{OFF}=none").inference
    for written in ("none", "null", "{kind: none}"):
        file = tmp_path / "experiment.yaml"
        file.write_text(
            f"network: mlp-64-64-32-10\nchip: reram-1024\ntraining: {{learning_rate: 0.1}}\n"
            f"inference: {{drift_compensation: {written}}}\n"
        )
        inference = archsim.load_experiment(file).inference
        assert inference is not None
        assert inference.drift_compensation.kind == "none"
    assert load(*asked, f"{OFF}=global").inference == load(*asked).inference


def test_times_carry_units() -> None:
    found = load("inference.times=[1 h, 5, 2.5 days, 250 ns, 0, 1 year]".replace("days", "day")).inference
    assert found is not None
    assert found.times == (3600.0, 5.0, 216_000.0, 250e-9, 0.0, 365.25 * 86_400)


@pytest.mark.parametrize(
    "override",
    [
        "inference.times=[h]",
        "inference.times=[5 kg]",
        "inference.times=[true]",
        "training.algorithm.modifier={kind: polynomial, coeffs: [x]}",
        "network.input_shape=[x]",
        "network.layers.1.inputs=[3]",
    ],
)
def test_one_wrong_item_of_a_list_is_one_mistake(override: str) -> None:
    with pytest.raises(InputError) as error:
        load(override)
    assert not hasattr(error.value, "errors")
    assert "too short" not in str(error.value)
    assert str(error.value.field).endswith(".0")


REFUSED = (
    *(f"programming.{key}" for key in ("tolerance=0.3", "max_iterations=1", "verify_std=0.5")),
    *(f"programming.write={{kind: set-with-error, {key}}}" for key in ("relative_std: 0.9", "absolute_std: 0.5")),
    *(f"programming.write={{kind: pulse-steps, {key}}}" for key in ("step: 0.5", "step_std: 2", "max_pulses: 1")),
)


@pytest.mark.parametrize("key", REFUSED)
def test_programming_that_reram_noise_would_ignore_is_refused(key: str) -> None:
    wan = ("inference.noise={kind: reram-wan2022}", "inference.times=[1]")
    with pytest.raises(InputError, match="contain its errors") as error:
        load(*wan, "inference.programming.kind=program-and-verify", f"inference.{key}")
    assert error.value.field == "inference.programming.kind"
    assert error.value.value == "program-and-verify"


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (["network.layers.0.initial_value=0.1", "network.layers.0.initial_range=0.2"], "initial_range must be left"),
        (["training.algorithm={kind: dynamic-transfer, buffer_cap: 1.5}"], "needs forget_buffer: false"),
        *(
            (
                ["training.algorithm.modifier={kind: programming-noise, device: {" + key + ": 2}}"],
                "unknown key 'device'",
            )
            for key in ("g_max", "read_noise_scale", "drift_scale", "drift_std_scale", "t_0", "t_read")
        ),
    ],
)
def test_keys_that_would_do_nothing_are_refused(overrides: list[str], text: str) -> None:
    with pytest.raises(InputError, match=text):
        load(*overrides)


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
        ("inference.noise.kind=reram-wan2022", r"inference\.times\.1: .*not measured at 3600"),
        ("inference.repeats=0", "inference.repeats"),
    ],
)
def test_what_cannot_be_is_refused(override: str, text: str) -> None:
    with pytest.raises(InputError, match=text):
        load(override)


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("inference.noise={kind: pcm-like, t_0: 30}", "inference.noise.kind=reram-wan2022", "noise"),
        (
            "inference.programming={kind: program-and-verify, tolerance: 0.1}",
            "inference.programming={kind: statistical}",
            "programming",
        ),
    ],
)
def test_devices_and_programming_of_another_kind_replace_those_before(before: str, after: str, field: str) -> None:
    times = "inference.times=[1 s]"
    found, wanted = load(times, before, after).inference, load(times, after).inference
    assert getattr(found, field) == getattr(wanted, field)


def test_a_modifier_of_another_kind_replaces_the_one_of_the_preset() -> None:
    other = load("training.algorithm.modifier={kind: add-normal, std_dev: 0.1}").training.algorithm
    assert other.modifier.model_dump() == {"kind": "add-normal", "std_dev": 0.1}  # type: ignore[attr-defined]
    kept = load("training.algorithm.modifier.std_dev=2").training.algorithm
    assert kept.modifier.kind == "polynomial"  # type: ignore[attr-defined]
    assert kept.modifier.std_dev == 2  # type: ignore[attr-defined]
