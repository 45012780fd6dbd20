"""The arithmetic of the digital unit: everything digital that a network sees passes through it."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
import pytest

import archsim
from archsim.digital.affine import Affine
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.losses import mean_squared_error, softmax_cross_entropy
from archsim.digital.specification import ArithmeticSettings
from archsim.errors import InputError
from archsim.network.graph import Node
from archsim.network.operators.activations import Identity

STEP = 2.0**-8


class GridSettings(ArithmeticSettings):
    """Multiples of a step."""

    kind: Literal["grid"] = "grid"
    step: float = STEP


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})
    archsim.register("arithmetic", "grid", Grid)
    archsim.register("operator", "probe", Probe)
    Probe.seen = []


class Grid(Arithmetic):
    """Every result is rounded to a multiple of a step."""

    Settings = GridSettings

    def number(self, x: Array) -> Array:
        step = getattr(self.settings, "step", STEP)
        rounded: Array = np.round(np.asarray(x) / x.dtype.type(step)) * x.dtype.type(step)
        return rounded


class Probe(Identity):
    """Passes numbers on, and notes them: forward, and gradients."""

    seen: ClassVar[list[tuple[str, Array]]] = []

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        Probe.seen.append((node.name, inputs[0]))
        return inputs[0]

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        Probe.seen.append((f"gradient at {node.name}", d))
        return (d,)


def on_grid(x: Array) -> bool:
    return bool((np.round(x / STEP) * STEP == x).all())


#: Operators of every kind, each with a probe behind it.
OPERATORS: list[dict[str, Any]] = [
    {"name": "image", "kind": "reshape", "shape": [1, 8, 8]},
    {"name": "conv", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1, "groups": 1},
    {"name": "tanh", "kind": "tanh"},
    {"name": "grouped", "kind": "conv2d", "channels": 4, "kernel": 3, "padding": 1, "groups": 2},
    {"name": "sum", "kind": "add", "inputs": ["tanh", "grouped"]},
    {"name": "pool", "kind": "max-pool", "kernel": 3, "stride": 2},
    {"name": "flat", "kind": "flatten"},
    {"name": "fc1", "kind": "linear", "features": 12, "scaling": {"learn_out_scaling": True}},
    {"name": "sigmoid", "kind": "sigmoid"},
    {"name": "fc2", "kind": "linear", "features": 10},
    {"name": "relu", "kind": "relu"},
]


#: The same of sequences: a row of the image is a position.
OF_SEQUENCES: list[dict[str, Any]] = [
    {"name": "rows", "kind": "reshape", "shape": [8, 8]},
    {"name": "first", "kind": "linear", "features": 6},
    {"name": "position", "kind": "position-embedding"},
    {"name": "norm", "kind": "layer-norm", "eps": 0.1},
    {"name": "attend", "kind": "attention", "heads": 2, "inputs": ["norm", "norm", "norm"]},
    {"name": "added", "kind": "add", "inputs": ["attend", "position"]},
    {"name": "bend", "kind": "gelu"},
    {"name": "cell", "kind": "lstm", "features": 4, "bidirectional": True},
    {"name": "gates", "kind": "gru", "features": 6},
    {"name": "channels", "kind": "transpose", "axes": [1, 0]},
    {"name": "along", "kind": "conv1d", "channels": 4, "kernel": 3, "padding": 1},
    {"name": "batch", "kind": "batch-norm", "eps": 0.1},
    {"name": "mean", "kind": "global-average-pool"},
    {"name": "out", "kind": "linear", "features": 10},
]


def network(operators: list[dict[str, Any]]) -> dict[str, Any]:
    layers: list[dict[str, Any]] = []
    for operator in operators:
        inputs = [f"after-{name}" for name in operator["inputs"]] if "inputs" in operator else None
        layers.append(operator | ({"inputs": inputs} if inputs else {}))
        layers.append({"name": f"after-{operator['name']}", "kind": "probe"})
    return {"input_shape": [64], "layers": layers}


def trained(arithmetic: Any, **changes: Any) -> archsim.Run:
    """Train two mini-batches on a chip whose tiles cut the matrices, and evaluate."""
    document: dict[str, Any] = {
        "network": network(OPERATORS),
        "chip": {
            "preset": "reram-1024",
            "device": "ecram",
            "tile": {"rows": 20, "columns": 8},
            "nmpu": {"arithmetic": arithmetic},
        },
        "data": {"name": "digits", "samples": 40, "test_samples": 20},
        "training": {"algorithm": "analog-sgd", "learning_rate": 0.5, "mini_batch": 4, "max_mini_batches": 2},
        "run": {"mode": "numerics", "seed": 3, "evaluate_every": 2},
    }
    return archsim.simulate(archsim.load_experiment(document | changes))


def test_everything_that_a_network_computes_digitally_passes_through_its_arithmetic() -> None:
    run = trained({"kind": "grid"})
    names = {name for name, _ in Probe.seen}
    for operator in OPERATORS:
        assert {f"after-{operator['name']}", f"gradient at after-{operator['name']}"} <= names | {
            "gradient at after-image"  # Nothing trainable lies before it.
        }
    assert all(on_grid(numbers) for _, numbers in Probe.seen)
    digital = {name: array for name, array in run.weights.items() if name.endswith((".bias", ".scale"))}
    assert len(digital) == 6
    assert all(on_grid(array) for array in digital.values())


def test_everything_does_in_a_network_of_sequences() -> None:
    trained({"kind": "grid"}, network=network(OF_SEQUENCES))
    names = {name for name, _ in Probe.seen}
    for operator in OF_SEQUENCES:
        assert {f"after-{operator['name']}", f"gradient at after-{operator['name']}"} <= names | {
            "gradient at after-rows"
        }
    assert {name for name, numbers in Probe.seen if not on_grid(numbers)} == set()
    Probe.seen = []
    trained("float32", network=network(OF_SEQUENCES))
    finer = {name for name, numbers in Probe.seen if not on_grid(numbers)}
    assert finer >= {f"after-{operator['name']}" for operator in OF_SEQUENCES[1:]}


def test_a_chip_of_stage_engines_computes_in_the_arithmetic_that_it_states() -> None:
    chip = {"preset": "unit", "device": "ecram", "tile": {"rows": 20, "columns": 8}}
    trained("float32", chip=chip | {"stage_engine": {"arithmetic": "grid"}})
    assert Probe.seen
    assert all(on_grid(numbers) for _, numbers in Probe.seen)
    Probe.seen = []
    trained("float32", chip=chip)
    assert not all(on_grid(numbers) for _, numbers in Probe.seen)


def test_without_it_the_same_numbers_are_finer() -> None:
    trained("float32")
    finer = {name for name, numbers in Probe.seen if not on_grid(numbers)}
    for name in ("conv", "tanh", "grouped", "sum", "pool", "fc1", "sigmoid", "fc2", "relu"):
        assert {f"after-{name}", f"gradient at after-{name}"} <= finer


def test_float32_is_what_is_computed_without_a_word() -> None:
    said, unsaid = trained({"kind": "float32"}), trained({})
    assert all((unsaid.weights[name] == array).all() for name, array in said.weights.items())


def test_an_unknown_arithmetic_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match="float32, grid") as caught:
        trained("float23")
    assert caught.value.field == "chip.nmpu.arithmetic.kind"


def test_settings_of_a_kind_reach_it() -> None:
    coarse = trained({"kind": "grid", "step": 0.125})
    assert all(np.array_equal(numbers, np.round(numbers * 8) / 8) for _, numbers in Probe.seen)
    assert coarse.metrics["accuracy"] is not None


@pytest.mark.parametrize("loss", [softmax_cross_entropy, mean_squared_error])
def test_gradients_of_losses_are_numbers_of_the_unit(loss: Any) -> None:
    random = np.random.default_rng(1)
    outputs = random.normal(size=(5, 4)).astype(np.float32)
    targets = random.integers(0, 4, 5) if loss is softmax_cross_entropy else random.normal(size=(5, 4))
    assert on_grid(loss(outputs, targets, Grid(GridSettings()))[1])
    assert not on_grid(loss(outputs, targets, FLOAT32)[1])


def test_scales_and_biases_are_updated_in_numbers_of_the_unit() -> None:
    random = np.random.default_rng(2)
    scale, bias = np.ones(3, np.float32), np.zeros(3, np.float32)
    a, d = (random.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    affine = Affine(scale, bias, learn_scale=True, arithmetic=Grid(GridSettings()))
    affine.map_weights(np.full(3, 0.3, np.float32))
    gradients = affine.parameter_gradients(a, d)
    affine.update(gradients, 0.1)
    errors = affine.gradient(d, affine.scale)
    found = [affine.forward(a, affine.scale, affine.bias), errors, affine.crossbar_errors(errors, slice(0, 3))]
    assert affine.scale is not None
    assert affine.bias is not None
    assert all(on_grid(numbers) for numbers in (*found, *gradients, affine.bias) if numbers is not None)


def test_the_loss_of_what_is_no_number_is_none() -> None:
    """Least of all is it that of a perfect network; the one of outputs without bounds is infinite or no number."""
    for logits in ([np.nan, 0.0], [np.inf, 0.0], [np.inf, np.inf]):
        with np.errstate(invalid="ignore"):
            loss, _ = softmax_cross_entropy(np.array([logits], np.float32), np.array([1]))
        assert not np.isfinite(loss)
