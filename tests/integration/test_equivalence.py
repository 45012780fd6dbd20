"""Runs that must agree: schedules equal in exact arithmetic, with and without a clock, with NumPy."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

import archsim
from archsim import DataSet, Run
from archsim.data import epoch_order
from archsim.digital.losses import softmax_cross_entropy
from archsim.engine.numerics.seeds import Seeds
from archsim.results.compared import compared_row

from .experiments import digits


def assert_same_weights(one: Run, other: Run) -> None:
    for layer, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[layer])


def assert_same_learning(one: Run, other: Run) -> None:
    for column in ("mini_batch", "samples", "train_loss", "test_accuracy"):
        np.testing.assert_array_equal(one.learning[column], other.learning[column])


@pytest.mark.parametrize("chip", ["reram-1024", "rpu-512"])
def test_synchronous_schedules_end_in_equal_weights_with_full_noise(chip: str) -> None:
    runs = {
        kind: digits(f"chip={chip}", f"schedule.kind={kind}", "schedule.micro_batches=4", "schedule.update=deferred")
        for kind in ("sequential", "gpipe", "synchronous")
    }
    for kind in ("gpipe", "synchronous"):
        assert_same_weights(runs["sequential"], runs[kind])
        assert_same_learning(runs["sequential"], runs[kind])
    assert runs["gpipe"].metrics["makespan_ps"] < runs["sequential"].metrics["makespan_ps"]


@pytest.mark.parametrize("chip", ["unit", "reram-1024"])
@pytest.mark.parametrize("kind", ["asynchronous", "synchronous"])
def test_numerics_and_coupled_learn_alike(chip: str, kind: str) -> None:
    settings = (f"chip={chip}", f"schedule.kind={kind}", "schedule.micro_batches=2")
    coupled, numerics = digits(*settings), digits(*settings, mode="numerics")
    assert_same_weights(coupled, numerics)
    assert_same_learning(coupled, numerics)
    for name in ("staleness", "in_flight_max", "pulses", "accuracy", "loss"):
        assert coupled.metrics[name] == numerics.metrics[name]


def test_results_do_not_depend_on_threads() -> None:
    one, two = digits(), digits("run.threads=2")
    assert_same_weights(one, two)
    assert one.learning.equals(two.learning)


def test_stages_of_a_flushed_pipeline_do_not_change_the_numbers() -> None:
    settings = ("schedule.kind=synchronous", "schedule.micro_batches=4")
    assert_same_weights(digits(*settings, "schedule.stages=1"), digits(*settings, "schedule.stages=3"))


@pytest.mark.parametrize("kind", ["asynchronous", "gpipe"])
def test_timing_and_coupled_take_the_same_time_where_nothing_depends_on_data(kind: str) -> None:
    # An update of this chip takes a fixed time, and bound management is off.
    settings = (f"schedule.kind={kind}", "schedule.micro_batches=2", "chip.io.bound_management=none")
    coupled, timing = digits(*settings), digits(*settings, mode="timing")
    assert coupled.metrics["makespan_ps"] == timing.metrics["makespan_ps"]
    data_dependent = {("array", "coincidence")}
    counts = {key: n for key, n in coupled.observations.counts.items() if key[:2] not in data_dependent}
    assert counts == dict(timing.observations.counts)


@pytest.mark.parametrize("chip", ["rpu-512", "unit"])
def test_a_timing_run_knows_no_pulses(chip: str) -> None:
    """They depend on the numbers: unknown is null, and not 0."""
    short = ["training.max_mini_batches=2", f"chip={chip}"]
    known, unknown = (archsim.simulate("mlp_digits", short, mode=mode) for mode in ("coupled", "timing"))
    assert isinstance(known.metrics["pulses"], dict)
    assert known.metrics["pulses"].keys() == {name for name in known.weights if not name.endswith(".bias")}
    assert unknown.metrics["pulses"] is None
    assert math.isnan(compared_row(unknown)["pulses"])


def test_expected_pulse_trains_make_timing_agree_with_coupled_on_average() -> None:
    """The mean length of a train and the mean number of reads, put in as expectations, give the same time."""
    # A wide buffer port: beside a short update the port would be what takes time, whatever the train's length.
    settings = ("chip=rpu-512", "schedule.kind=sequential", "schedule.stages=1", "chip.buffer.bytes_per_cycle=4096")
    coupled = digits(*settings)
    seen = coupled.observations
    length = sum(seen.update_slots.values()) / sum(seen.update_vectors.values())
    reads = sum(seen.reads.values()) / sum(seen.read_vectors.values())
    expectations = (f"chip.update.expected_bl={length}", f"chip.io.expected_reads={reads}")
    timing = digits(*settings, *expectations, mode="timing")
    # The work of one stage adds up. Of each layer less than one slot and one read of the whole run are left over, and
    # an expectation has a resolution of a millionth; nothing else may differ.
    layers, vectors = len(seen.update_vectors), sum(seen.update_vectors.values())
    rounding_ps = (layers + 1e-6 * vectors) * (5_000 + 40_000 * (reads > 1))
    assert abs(timing.metrics["makespan_ps"] - coupled.metrics["makespan_ps"]) <= rounding_ps


class Perceptron:
    """Plain NumPy stochastic gradient descent on two linear layers with a tanh between."""

    def __init__(self, weights: list[npt.NDArray[np.float64]], biases: list[npt.NDArray[np.float64]]) -> None:
        self.weights, self.biases = weights, biases

    def step(self, x: npt.NDArray[np.float64], labels: npt.NDArray[np.int64], rate: float) -> None:
        hidden = np.tanh(x @ self.weights[0].T + self.biases[0])
        _, d = softmax_cross_entropy(hidden @ self.weights[1].T + self.biases[1], labels)
        d = d / len(x)
        back = (d @ self.weights[1]) * (1 - hidden**2)
        for layer, (stored, error) in enumerate(((x, back), (hidden, d))):
            self.weights[layer] = self.weights[layer] - rate * error.T @ stored
            self.biases[layer] = self.biases[layer] - rate * error.sum(axis=0)


@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous"])
@pytest.mark.parametrize("tile", [1024, 5])
def test_ideal_analog_agrees_with_plain_numpy(kind: str, tile: int) -> None:
    """On one tile per matrix and on a grid of small ones."""
    random = np.random.default_rng(11)
    inputs = random.normal(size=(48, 12)).astype(np.float32)
    labels = random.integers(0, 4, 48)
    data = DataSet("random", inputs, labels, inputs[:8], labels[:8], 4)
    layers = [
        {"name": "one", "kind": "linear", "features": 9},
        {"name": "act", "kind": "tanh"},
        {"name": "two", "kind": "linear", "features": 4},
    ]
    document = {
        "network": {"input_shape": [12], "layers": layers},
        "chip": {
            "preset": "reram-1024",
            "device": "ideal",
            "io": {"is_perfect": True},
            "tile": {"rows": tile, "columns": tile},
        },
        "training": {"learning_rate": 0.3, "mini_batch": 8, "epochs": 3},
        "schedule": {"kind": kind, "stages": 2, "micro_batches": 4},
        "run": {"mode": "coupled", "seed": 5},
    }
    run = archsim.simulate(document, data=data)
    seeds = Seeds.derive(5, None, None, None)
    twin = Perceptron(*_initial(seeds, [(12, 9), (9, 4)]))
    for epoch in range(3):
        order = epoch_order(seeds.data, epoch, len(inputs))
        for start in range(0, 48, 8):
            chosen = order[start : start + 8]
            twin.step(inputs[chosen].astype(np.float64), labels[chosen], 0.3)
    for name, weights in zip(("one", "two"), twin.weights, strict=True):
        np.testing.assert_allclose(run.weights[name], weights, atol=1e-5)


def _initial(
    seeds: Seeds, shapes: list[tuple[int, int]]
) -> tuple[list[npt.NDArray[np.float64]], list[npt.NDArray[np.float64]]]:
    """Return the initial weights and biases, U(-r, r) with r = 1/sqrt(inputs)."""
    weights, biases = [], []
    for index, (n_in, n_out) in enumerate(shapes):
        random = np.random.default_rng([seeds.weights, index])
        reach = 1 / np.sqrt(n_in)
        weights.append(random.uniform(-reach, reach, (n_out, n_in)))
        biases.append(random.uniform(-reach, reach, n_out))
    return weights, biases
