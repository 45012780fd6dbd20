"""Networks of convolutions: against plain NumPy, over stages, deployed, and with what other packages add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from tests.integration import lenet

from .experiments import WORKLOADS

IDEAL = ("chip.device=ideal", "chip.io.is_perfect=true", "training.algorithm=digital-sgd")


def images(samples: int, tests: int, shape: tuple[int, ...] = (1, 28, 28), classes: int = 10) -> DataSet:
    draw = np.random.default_rng(5)
    inputs = draw.random((samples + tests, *shape), dtype=np.float32) - np.float32(0.5)
    targets = draw.integers(0, classes, samples + tests)
    return DataSet("images", inputs[:samples], targets[:samples], inputs[samples:], targets[samples:], classes)


def lenet5(*overrides: str) -> archsim.Experiment:
    return archsim.load_experiment(WORKLOADS / "lenet5_mnist.yaml", [*IDEAL, *overrides])


def test_a_training_step_of_lenet_is_that_of_plain_numpy() -> None:
    """With exact cells and converters only the precision of float32 is left between both."""
    data = images(8, 4)
    once = ("training.mini_batch=8", "schedule.micro_batches=4", "training.learning_rate=0.5", "run.mode=numerics")
    before = archsim.simulate(lenet5(*once, "training.learning_rate=1e-30"), data=data).weights
    after = archsim.simulate(lenet5(*once), data=data).weights
    start = {name: array.astype(np.float64) for name, array in before.items()}
    # Gradients of a mini-batch are averaged: the order of its samples is lost.
    expected = lenet.trained(start, data.train_inputs.astype(float), data.train_targets, 0.5)
    assert set(expected) == set(after)
    for name, array in expected.items():
        moved = np.abs(array - start[name]).max()
        assert moved > 1e-4
        np.testing.assert_allclose(after[name], array, atol=1e-3 * moved + 2e-6, err_msg=name)


def test_the_accuracy_of_lenet_is_that_of_plain_numpy() -> None:
    data = images(8, 300)
    run = archsim.simulate(lenet5("training.mini_batch=8", "run.mode=numerics"), data=data)
    parameters = {name: array.astype(np.float64) for name, array in run.weights.items()}
    outputs, _ = lenet.forward(parameters, data.test_inputs.astype(float))
    expected = (outputs.argmax(axis=1) == data.test_targets).mean()
    assert run.metrics["accuracy"] == pytest.approx(expected, abs=0.004)


RESIDUAL: list[dict[str, Any]] = [
    {"name": "stem", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1},
    {"name": "a", "kind": "relu"},
    {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1, "groups": 2},
    {"name": "b", "kind": "tanh"},
    {"name": "mixed", "kind": "conv2d", "channels": 4, "kernel": 1, "scaling": {"learn_out_scaling": True}},
    {"name": "sum", "kind": "add", "inputs": ["mixed", "a"]},
    {"name": "pool", "kind": "max-pool", "kernel": 2},
    {"name": "flat", "kind": "flatten"},
    {"name": "out", "kind": "linear", "features": 3},
]
STAGES = {
    1: [["stem", "conv", "mixed", "out"]],
    2: [["stem", "conv"], ["mixed", "out"]],
    3: [["stem"], ["conv"], ["mixed", "out"]],
    4: [["stem"], ["conv"], ["mixed"], ["out"]],
}


def residual(stages: int, mode: str, kind: str = "sequential", **sections: Any) -> archsim.Run:
    """Train the residual network on noisy analog tiles that cut its matrices."""
    document = {
        "network": {"input_shape": [2, 6, 6], "layers": RESIDUAL},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 20, "columns": 3}},
        "training": {"algorithm": "analog-sgd", "learning_rate": 1.0, "mini_batch": 4, "max_mini_batches": 4},
        "schedule": {"kind": kind, "stages": STAGES[stages], "micro_batches": 2},
        "run": {"mode": mode, "seed": 2, "evaluate_every": 2},
    }
    return archsim.simulate(document | sections, data=images(16, 60, (2, 6, 6), 3))


def assert_equal_numbers(one: archsim.Run, other: archsim.Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], err_msg=name)
    assert one.learning["test_accuracy"].tolist() == other.learning["test_accuracy"].tolist()


@pytest.fixture(scope="module")
def in_one_stage() -> archsim.Run:
    return residual(1, "numerics")


@pytest.mark.parametrize("stages", [2, 3, 4])
def test_a_connection_around_stages_changes_no_number(stages: int, in_one_stage: archsim.Run) -> None:
    assert_equal_numbers(residual(stages, "numerics"), in_one_stage)


@pytest.mark.parametrize("kind", ["sequential", "synchronous", "asynchronous"])
@pytest.mark.parametrize("stages", [1, 3, 4])
def test_a_coupled_run_has_the_numbers_of_one_without_a_clock(stages: int, kind: str) -> None:
    coupled, numerics = residual(stages, "coupled", kind), residual(stages, "numerics", kind)
    assert_equal_numbers(coupled, numerics)
    assert coupled.metrics["macs"] == numerics.metrics["macs"]
    for name in ("pulses", "update_slots", "update_vectors"):
        assert getattr(coupled.observations, name) == getattr(numerics.observations, name)
    assert coupled.observations.bytes_sent == coupled.observations.bytes_received > 0


def test_a_learning_rate_factor_of_zero_leaves_a_layer_as_it_is() -> None:
    def layers(**changes: Any) -> dict[str, Any]:
        return {"input_shape": [2, 6, 6], "layers": [RESIDUAL[0] | changes, *RESIDUAL[1:]]}

    moved, kept = residual(1, "numerics"), residual(1, "numerics", network=layers(learning_rate_factor=0.0))
    frozen = residual(1, "numerics", network=layers(trainable=False))
    for name in ("stem", "stem.bias"):
        np.testing.assert_array_equal(kept.weights[name], frozen.weights[name])
        assert (moved.weights[name] != frozen.weights[name]).any()


def test_matrices_of_a_layer_share_threads(in_one_stage: archsim.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """However small they are here: parts of several matrices are computed side by side, and taken one by one."""
    monkeypatch.setattr("archsim.engine.numerics.coupling._WORTH_SHARING", 0)
    run = {"mode": "coupled", "seed": 2, "evaluate_every": 2, "threads": 2}
    assert_equal_numbers(residual(1, "coupled", run=run), in_one_stage)


def test_everything_is_told_by_matrix(in_one_stage: archsim.Run) -> None:
    names = ["stem", "conv.0", "conv.1", "mixed", "out"]
    assert [name for name in in_one_stage.weights if name in names] == names
    assert list(in_one_stage.observations.update_vectors) == names
    # Vectors of 16 samples on each part: matrices of 4 outputs, and one of 36 inputs, take two tiles of 20 x 3.
    parts = dict(zip(names, (2, 1, 1, 2, 2), strict=True))
    positions = dict.fromkeys(names, 36) | {"out": 1}
    expected = {name: parts[name] * 16 * positions[name] for name in names}
    assert in_one_stage.observations.update_vectors == expected
    behind_the_first = 36 * (2 * 18 * 2 + 4 * 4) + 36 * 3
    forward, backward = 16 * (36 * 18 * 4 + behind_the_first), 16 * behind_the_first
    assert in_one_stage.metrics["macs"] == {"forward": forward, "backward": backward, "update": forward}


def deployed(noise: float, **post_training: Any) -> archsim.Run:
    """Train with exact cells and converters, then deploy on cells with a multiple of the noise of measured ones."""
    scales = ("prog_noise_scale", "read_noise_scale", "drift_scale")
    return residual(
        2,
        "numerics",
        chip={"preset": "reram-1024", "device": "ideal", "tile": {"rows": 20, "columns": 3}, "io": EXACT},
        training={
            "algorithm": "digital-sgd",
            "learning_rate": 0.5,
            "mini_batch": 4,
            "max_mini_batches": 8,
            "epochs": 2,
        },
        inference={
            "noise": {"kind": "pcm-like", **dict.fromkeys(scales, noise)},
            "times": [1.0, 1e6],
            "repeats": 2,
            "drift_compensation": "none",
            "post_training": post_training,
        },
    )


EXACT = {"is_perfect": True, "noise_management": "none"}


def test_a_network_of_convolutions_is_deployed() -> None:
    """Without noise it classifies as it was trained; ranges are chosen on the vectors that meet each matrix."""
    exact = deployed(0.0)
    assert len(exact.inference) == 4
    assert 0.1 < exact.metrics["accuracy"] < 0.9
    assert (exact.inference["test_accuracy"] == exact.metrics["accuracy"]).all()
    noisy = deployed(30.0, conductance_ranges=True, dac_ranges=True, samples=4)
    assert (noisy.inference["test_accuracy"] != exact.metrics["accuracy"]).any()


def test_a_run_goes_on_from_a_checkpoint_in_the_middle(tmp_path: Path) -> None:
    """Between events of a coupled run, unfolded vectors and parts of several matrices are on their way."""
    asked = 0

    def interrupted() -> bool:
        nonlocal asked
        asked += 1
        return asked > 137

    document = {
        "network": {"input_shape": [2, 6, 6], "layers": RESIDUAL},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 20, "columns": 3}},
        "training": {"algorithm": "analog-sgd", "learning_rate": 1.0, "mini_batch": 4, "max_mini_batches": 4},
        "schedule": {"kind": "asynchronous", "stages": STAGES[3], "micro_batches": 2},
        "run": {"mode": "coupled", "seed": 2, "evaluate_every": 2},
    }
    data = images(16, 12, (2, 6, 6), 3)
    whole = archsim.simulate(document, data=data)
    with pytest.raises(archsim.simulation.Interrupted):
        archsim.simulate(document, data=data, workspace=tmp_path, interrupted=interrupted)
    resumed = archsim.simulate(document, data=data, workspace=tmp_path, resume=True)
    assert_equal_numbers(resumed, whole)
    assert resumed.metrics["makespan_ps"] == whole.metrics["makespan_ps"]
