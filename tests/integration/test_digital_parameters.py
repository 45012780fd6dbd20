"""Parameters and state that digital units hold for operators: trained as biases are, stored, resumed and given."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from archsim.digital.arrays import Array
from archsim.engine.steps import DigitalStep
from archsim.network.graph import Node, Parameter, Shape
from archsim.network.operators import OperatorCost, Pass, StatefulOperator
from archsim.network.specification import Layer

IMAGES = [
    {"name": "stem", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1},
    {"name": "norm", "kind": "batch-norm", "momentum": 0.3},
    {"name": "a", "kind": "relu"},
    {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1},
    {"name": "norm2", "kind": "batch-norm", "learning_rate_factor": 0.5},
    {"name": "sum", "kind": "add", "inputs": ["norm2", "a"]},
    {"name": "flat", "kind": "flatten"},
    {"name": "out", "kind": "linear", "features": 3},
]


class Shift(StatefulOperator):
    """y = x + bias."""

    Settings = Layer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        return (Parameter("bias", inputs[0], learning_rate_factor=0.5),)

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        return self.arithmetic.add(inputs[0], at.values["bias"])

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        return (d,), {"bias": self.arithmetic.total(d, axis=0)}

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=node.shape[0])

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=node.shape[0])


class Astray(Shift):
    """Gives a gradient of another shape than that of its parameter."""

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        return (d,), {"bias": d}


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})
    archsim.register("operator", "shift", Shift)
    archsim.register("operator", "astray", Astray)


def data(shape: tuple[int, ...]) -> DataSet:
    draw = np.random.default_rng(5)
    inputs = draw.random((76, *shape), dtype=np.float32) - np.float32(0.5)
    targets = draw.integers(0, 3, 76)
    return DataSet("random", inputs[:40], targets[:40], inputs[40:], targets[40:], 3)


def document(layers: list[dict[str, Any]], kind: str, **sections: Any) -> dict[str, Any]:
    shape = [2, 5, 5] if "conv2d" in {layer["kind"] for layer in layers} else [6]
    return {
        "network": {"input_shape": shape, "layers": layers},
        "chip": {"preset": "reram-1024", "device": "ecram"},
        "training": {"algorithm": "analog-sgd", "learning_rate": 0.5, "mini_batch": 8, "max_mini_batches": 5},
        "schedule": {"kind": kind, "stages": 2, "micro_batches": 4},
        "run": {"seed": 3, "evaluate_every": 2},
    } | sections


def trained(layers: list[dict[str, Any]], kind: str, mode: str = "coupled", **sections: Any) -> archsim.Run:
    what = document(layers, kind, **sections)
    return archsim.simulate(what, data=data(tuple(what["network"]["input_shape"])), mode=mode)


def with_bias(*, digital: bool) -> list[dict[str, Any]]:
    """Return two layers, the first with a bias of its own or one that an operator brings; both start from 0."""
    first = {"name": "a", "kind": "linear", "features": 5, "initial_value": 0.1, "bias": not digital}
    shift = {"name": "s", "kind": "shift"}
    last = {"name": "b", "kind": "linear", "features": 3, "trainable": False}
    return [first | {"learning_rate_factor": 0.5}, *([shift] if digital else []), last]


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "zb-h1"])
def test_a_digital_parameter_is_trained_as_a_bias_is(kind: str) -> None:
    """Bit for bit, through noise, micro-batches, delays and factors of the learning rate."""
    own, brought = (trained(with_bias(digital=digital), kind) for digital in (False, True))
    assert np.abs(own.weights["a.bias"]).max() > 1e-3
    np.testing.assert_array_equal(brought.weights["s.bias"], own.weights["a.bias"])
    np.testing.assert_array_equal(brought.weights["a"], own.weights["a"])
    assert learnt(brought) == learnt(own)


def test_exact_schedules_give_equal_parameters_and_statistics() -> None:
    """Also where layers go on by themselves, and without a clock; evaluations see the same statistics."""
    overlapping = {"schedule": {"kind": "synchronous", "stages": 2, "micro_batches": 4, "overlap": "layers"}}
    threads = {"run": {"seed": 3, "evaluate_every": 2, "threads": 2}}
    first = trained(IMAGES, "sequential")
    others = [
        *(trained(IMAGES, kind) for kind in ("synchronous", "gpipe")),
        trained(IMAGES, "synchronous", "numerics"),
        trained(IMAGES, "synchronous", **overlapping),
        trained(IMAGES, "sequential", **threads),
    ]
    moved = {name: np.abs(array - float("weight" in name or "var" in name)).max() for name, array in norms(first)}
    assert len(moved) == 8
    assert min(moved.values()) > 1e-3
    for other in others:
        assert other.weights.keys() == first.weights.keys()
        for name, array in first.weights.items():
            np.testing.assert_array_equal(other.weights[name], array, err_msg=name)
        assert learnt(other) == learnt(first)


def learnt(run: archsim.Run) -> list[tuple[object, ...]]:
    return list(run.learning[["mini_batch", "train_loss", "test_accuracy"]].itertuples(index=False, name=None))


def norms(run: archsim.Run) -> list[tuple[str, Array]]:
    return [(name, array) for name, array in run.weights.items() if name.startswith("norm")]


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
def test_a_run_that_is_taken_up_again_has_the_same_parameters(kind: str, tmp_path: Path) -> None:
    what = archsim.load_experiment(document(IMAGES, kind))
    left = [150, 400, 10**9]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    stops = 0
    while True:
        try:
            samples = data((2, 5, 5))
            run = archsim.simulation.simulate(
                what, data=samples, workspace=tmp_path, resume=True, interrupted=interrupted
            )
            break
        except archsim.simulation.Interrupted:
            stops += 1
            left.pop(0)
    whole = archsim.simulate(what, data=data((2, 5, 5)))
    assert stops == 2
    for name, array in whole.weights.items():
        np.testing.assert_array_equal(run.weights[name], array, err_msg=name)
    assert run.learning.equals(whole.learning)


def test_a_run_starts_from_given_parameters(tmp_path: Path) -> None:
    run = trained(IMAGES, "synchronous")
    np.savez(tmp_path / "weights.npz", **run.weights)
    network = {"input_shape": [2, 5, 5], "layers": IMAGES, "weights": str(tmp_path / "weights.npz")}
    still = {"algorithm": "digital-sgd", "learning_rate": 1e-30, "mini_batch": 8, "max_mini_batches": 1}
    again = trained(IMAGES, "synchronous", "numerics", network=network, training=still)
    np.testing.assert_array_equal(again.weights["norm.weight"], run.weights["norm.weight"])
    assert np.abs(again.weights["norm.running_mean"] - run.weights["norm.running_mean"]).max() > 0
    np.savez(tmp_path / "weights.npz", **{k: v for k, v in run.weights.items() if k != "norm2.running_var"})
    with pytest.raises(archsim.InputError, match=r"no 'norm2\.running_var'"):
        trained(IMAGES, "synchronous", "numerics", network=network)


def test_a_gradient_of_another_shape_is_told() -> None:
    layers = with_bias(digital=True)
    layers[1] = {"name": "s", "kind": "astray"}
    with pytest.raises(archsim.ArchsimError, match="for 'bias'") as told:
        trained(layers, "synchronous")
    assert "shape [5]" in str(told.value)


def test_updates_of_parameters_and_statistics_are_counted() -> None:
    """For each micro-batch: a multiply-add for each of 4 weights and biases, two for each mean and variance."""
    for mode in ("timing", "coupled"):
        cost = trained(IMAGES, "synchronous", mode).cost
        found = cost.query("component == 'nmpu' and phase == 'U' and layer == 'norm2'")
        assert found["count"].tolist() == [5 * 4 * (2 * 4 + 2 * 2 * 4)]


@pytest.mark.parametrize(
    ("folded", "kind", "waits"), [(0, "synchronous", 1), (1, "synchronous", 0), (0, "inference", 0)]
)
def test_only_statistics_of_a_micro_batch_are_a_barrier(folded: bool, kind: str, waits: bool) -> None:
    layers = [layer | ({"folded": bool(folded)} if layer["kind"] == "batch-norm" else {}) for layer in IMAGES]
    schedule = {"kind": kind, "stages": 2, "micro_batches": 4, "chunk_vectors": 5}
    prepared = archsim.prepare(document(layers, kind, schedule=schedule), mode="timing")
    steps = [
        step
        for program in prepared.setup.programs
        for symbol in ("F", "B")
        if symbol in program.actions
        for step in program.actions[symbol].steps
        if isinstance(step, DigitalStep) and {"norm", "norm2"} & set(step.nodes)
    ]
    assert len(steps) == (2 if kind == "inference" else 4)
    assert {step.needs_block for step in steps} == {waits}


@pytest.mark.parametrize(
    ("folded", "kind", "kept"), [(False, "synchronous", 3 * 4), (True, "synchronous", 0), (False, "inference", 0)]
)
def test_statistics_of_a_micro_batch_are_stored_with_it(folded: bool, kind: str, kept: int) -> None:
    """Three numbers of each channel, in training, however many samples there are."""

    def stored(norm: dict[str, Any], micro_batches: int) -> int:
        layers = [norm if layer["kind"] == "batch-norm" else layer for layer in IMAGES]
        layers = [layer | {"name": name["name"]} for layer, name in zip(layers, IMAGES, strict=True)]
        schedule = {"kind": kind, "stages": [["stem"], ["conv", "out"]], "micro_batches": micro_batches}
        memory = archsim.prepare(document(layers, kind, schedule=schedule), mode="timing").memory
        return memory[0].micro_batch_bytes

    for micro_batches in (1, 2):
        normed, plain = ({"kind": "batch-norm", "folded": folded}, {"kind": "identity"})
        assert stored(normed, micro_batches) - stored(plain, micro_batches) == kept


@pytest.mark.parametrize(("kind", "kept"), [("synchronous", 5), ("inference", 0)])
def test_outputs_before_learned_scales_are_stored(kind: str, kept: int) -> None:
    def stored(learns: bool) -> int:
        scaled = {"name": "a", "kind": "linear", "features": 5, "scaling": {"learn_out_scaling": learns}}
        layers = [scaled, {"name": "b", "kind": "linear", "features": 3}]
        schedule = {"kind": kind, "stages": 2, "micro_batches": 4}
        return archsim.prepare(document(layers, kind, schedule=schedule), mode="timing").memory[0].micro_batch_bytes

    assert stored(True) - stored(False) == 2 * kept


def test_a_forward_only_run_takes_the_running_averages(tmp_path: Path) -> None:
    exact = {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}}
    training = {"algorithm": "digital-sgd", "learning_rate": 0.5, "mini_batch": 6, "max_mini_batches": 6}
    parts = {"chip": exact, "training": training}
    schedule = {"kind": "sequential", "stages": 2}
    run = trained(IMAGES, "sequential", **parts, schedule=schedule)
    np.savez(tmp_path / "weights.npz", **run.weights)
    network = {"input_shape": [2, 5, 5], "layers": IMAGES, "weights": str(tmp_path / "weights.npz")}
    schedule = {"kind": "inference", "stages": 2}
    forward = trained(IMAGES, "inference", **parts, network=network, schedule=schedule)
    assert forward.metrics["accuracy"] == run.metrics["accuracy"]
    counts = forward.cost.query("component == 'nmpu' and layer == 'stem' and operation == 'multiply_add'")["count"]
    # The products of the matrix, and scale and shift of the batch norm, for each of 36 samples.
    assert counts.tolist() == [36 * 2 * 4 * 25]


def test_statistics_of_a_single_value_are_refused() -> None:
    layers = [{"name": "a", "kind": "linear", "features": 4}, {"name": "n", "kind": "batch-norm"}]
    layers.append({"name": "b", "kind": "linear", "features": 3})
    with pytest.raises(archsim.InputError, match="at least 2"):
        archsim.prepare(document(layers, "synchronous", schedule={"kind": "synchronous", "micro_batches": 8}))
