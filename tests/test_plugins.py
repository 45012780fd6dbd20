"""What scripts and notebooks register serves like what packages bring, in every group."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pytest
from typer.testing import CliRunner

import archsim
from archsim import plugins
from archsim.analog.algorithms.analog_sgd import AnalogSGD
from archsim.analog.devices.kinds import CONSTANT_STEP
from archsim.analog.specification import ConstantStep, SoftBounds
from archsim.analog.specification.algorithms import AnalogSGDSettings
from archsim.cli.app import app
from archsim.data.specification import DataSpecification
from archsim.digital.arithmetic import Float32
from archsim.digital.arrays import Array
from archsim.digital.specification import ArithmeticSettings
from archsim.document import load_preset
from archsim.errors import ArchsimError, InputError
from archsim.network.graph import Matrix, Node
from archsim.network.operators import Operator
from archsim.network.operators.activations import Tanh
from archsim.network.operators.linear import Linear
from archsim.network.specification import Layer
from archsim.schedule.actions import Action, PipelineShape, ScheduleKind
from archsim.schedule.specification import ScheduleSpecification

BASE: dict[str, Any] = {
    "network": "mlp-64-64-32-10",
    "chip": "reram-1024",
    "data": {"name": "digits", "test_samples": 20},
    "training": {"learning_rate": 0.05, "mini_batch": 4, "max_mini_batches": 2},
}


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})


def one_by_one(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    for k in range(shape.total):
        yield Action("F", k)
        yield Action("B", k)


def losses(**changes: Any) -> list[float]:
    run = archsim.simulate(BASE | changes)
    return [*run.learning["train_loss"], run.metrics["makespan_ps"]]


def with_device(device: Any) -> dict[str, Any]:
    return {"chip": {"preset": "reram-1024", "device": device}}


# A test for each group: what is registered gives what its shipped or written-out equal gives


def test_a_device_and_its_kind() -> None:
    archsim.register("device", "mine", {"kind": "soft-bounds", "dw_min": 0.01})
    assert load_preset("archsim.devices", "mine") == SoftBounds(dw_min=0.01)
    assert losses(**with_device("mine")) == losses(**with_device({"preset": "soft-bounds", "dw_min": 0.01}))

    class Steady(ConstantStep):
        """Constant steps under another name."""

        kind: Literal["steady"] = "steady"  # type: ignore[assignment]

    @archsim.register("device kind", "steady")
    class SteadyKind:
        """Its arrays are those of constant steps."""

        Settings = Steady

        @staticmethod
        def devices_per_cell(settings: Steady) -> int:
            return 1

        @staticmethod
        def make(settings: Steady, site: Any) -> Any:
            return CONSTANT_STEP.make(ConstantStep(**settings.model_dump(exclude={"kind"})), site)

    assert SteadyKind.Settings is Steady
    found = losses(**with_device({"kind": "steady", "dw_min": 0.02}))
    assert found == losses(**with_device({"kind": "constant-step", "dw_min": 0.02}))


def test_a_chip() -> None:
    @archsim.register("chip", "narrow")
    def narrow() -> dict[str, Any]:
        """Return a chip with short columns."""
        return {"preset": "reram-1024", "tile": {"rows": 32}}

    assert losses(chip="narrow") == losses(chip={"preset": "reram-1024", "tile": {"rows": 32}})
    assert narrow()["tile"] == {"rows": 32}


def test_an_algorithm_and_its_kind() -> None:
    class Settings(AnalogSGDSettings):
        """Analog SGD under another name."""

        kind: Literal["again"] = "again"  # type: ignore[assignment]

    archsim.register("algorithm kind", "again", type("Again", (AnalogSGD,), {"Settings": Settings}))
    archsim.register("algorithm", "again-as-it-is", Settings())
    training = BASE["training"] | {"algorithm": "again-as-it-is"}
    assert losses(training=training) == losses(training=BASE["training"] | {"algorithm": "analog-sgd"})


def test_a_network_and_an_operator() -> None:
    class Steep(Tanh):
        """A hyperbolic tangent of another name."""

    archsim.register("operator", "steep", Steep)

    def layers(kind: str) -> dict[str, Any]:
        named = [("fc1", "linear", 16), ("act", kind, None), ("fc2", "linear", 10)]
        return {
            "input_shape": [64],
            "layers": [
                {"name": name, "kind": what} | ({"features": features} if features else {})
                for name, what, features in named
            ],
        }

    archsim.register("network", "small", layers("steep"))
    assert losses(network="small") == losses(network=layers("tanh"))


def test_a_data_set() -> None:
    @archsim.register("dataset", "two-bars")
    def two_bars(specification: DataSpecification) -> archsim.DataSet:
        """Return ten bright lines."""
        inputs = np.kron(np.eye(10, 64, dtype=np.float32), np.ones((4, 1), np.float32))
        labels = np.repeat(np.arange(10), 4)
        return archsim.DataSet("two-bars", inputs, labels, inputs, labels, 10)

    run = archsim.simulate(BASE | {"data": {"name": "two-bars"}})
    assert run.metrics["samples"] == 8


def test_a_schedule() -> None:
    archsim.register("schedule", "one-by-one", ScheduleKind(one_by_one, "deferred", "One after the other."))
    changes = {"stages": 3, "micro_batches": 2}
    found = losses(schedule={"kind": "one-by-one", **changes})
    assert found == losses(schedule={"kind": "sequential", **changes})


# What is said about it


class Halved(Tanh):
    """Gives half of what it should, where its layer's name says."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return super().forward(node, inputs)[:, : 8 if node.name == "forward" else None]

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        found = super().gradient(node, inputs, output, d)
        return (found[0][:, :8],) if node.name == "gradient" else found if node.name == "forward" else found * 2


class Folded(Linear):
    """Unfolds and folds too little, where its layer's name says."""

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        return super().unfold(node, matrix, inputs)[:, : 8 if node.name == "unfold" else None]

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        return super().fold(node, outputs)[:, : 8 if node.name == "fold" else None]

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        return super().unfold_gradient(node, matrix, d)[:, : 8 if node.name == "unfold_gradient" else None]

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(d[:, : 8 if node.name == "fold_gradient" else None] for d in gradients)


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
@pytest.mark.parametrize(
    ("layer", "kind", "found", "needed"),
    [
        (
            "forward",
            "halved",
            "'forward' of the operator 'halved' gave an array of float32 of the shape [4, 8]",
            "[4, 16]",
        ),
        (
            "gradient",
            "halved",
            "'gradient' of the operator 'halved' gave an array of float32 of the shape [4, 8]",
            "[4, 16]",
        ),
        ("several", "halved", "'gradient' of the operator 'halved' gave 2 gradients", "a tuple of 1"),
        (
            "unfold",
            "folded",
            "'unfold' of the operator 'folded' gave an array of float32 of the shape [4, 8]",
            "[4, 16]",
        ),
        ("fold", "folded", "'fold' of the operator 'folded' gave an array of float32 of the shape [4, 8]", "16]"),
        ("unfold_gradient", "folded", "'unfold_gradient' of the operator 'folded' gave an array", "16]"),
        ("fold_gradient", "folded", "'fold_gradient' of the operator 'folded' gave an array", "16]"),
    ],
)
def test_an_operator_that_gives_a_wrong_shape_is_named(
    layer: str, kind: str, found: str, needed: str, mode: str
) -> None:
    class FoldedSettings(Linear.Settings):  # type: ignore[name-defined, misc]
        kind: Literal["folded"] = "folded"

    archsim.register("operator", "halved", Halved)
    archsim.register("operator", "folded", type("FoldedHere", (Folded,), {"Settings": FoldedSettings}))
    named = {"name": layer, "kind": kind} | ({"features": 16} if kind == "folded" else {})
    layers = [
        {"name": "fc1", "kind": "linear", "features": 16},
        named,
        {"name": "fc2", "kind": "linear", "features": 10},
    ]
    with pytest.raises(ArchsimError) as refused:
        losses(network={"input_shape": [64], "layers": layers}, run={"mode": mode})
    assert str(refused.value).startswith(f"layer '{layer}': {found}")
    assert f"{needed} is needed" in str(refused.value)


class Grouped(ScheduleSpecification):
    """A schedule with a key of its own."""

    kind: Literal["grouped"] = "grouped"  # type: ignore[assignment]
    group: int = 2


class GridSettings(ArithmeticSettings):
    """An arithmetic with a key of its own."""

    kind: Literal["grid"] = "grid"  # type: ignore[assignment]
    step: float = 0.5


class Grid(Float32):
    """Computes as usual."""

    Settings = GridSettings


@pytest.mark.parametrize(
    ("override", "allowed", "remedy"),
    [
        ("schedule={kind: grouped, grop: 3}", "positions, group", "did you mean 'group'?"),
        (
            "schedule={kind: grouped, stored_max: 3}",
            "positions, group",
            "remove it, or take a kind that has it: zb-h1, zb-h2",
        ),
        (
            "schedule={kind: gpipe, group: 3}",
            "positions",
            "remove it, or take a kind that has it: grouped, interleaved",
        ),
        ("chip.nmpu.arithmetic={kind: grid, stp: 3}", "kind, step", "did you mean 'step'?"),
        ("chip.nmpu.arithmetic={kind: float32, step: 3}", "kind", "remove it, or take a kind that has it: grid"),
    ],
)
def test_an_unknown_key_lists_those_of_the_kind(override: str, allowed: str, remedy: str) -> None:
    archsim.register("schedule", "grouped", ScheduleKind(one_by_one, "deferred", "In groups.", Settings=Grouped))
    archsim.register("arithmetic", "grid", Grid)
    with pytest.raises(InputError, match="unknown key") as refused:
        archsim.load_experiment(BASE, [override])
    assert str(refused.value.allowed).endswith(allowed)
    assert ("stored_max" in str(refused.value.allowed)) == ("zb-h1" in override)
    assert refused.value.remedy == remedy


def test_names_show_in_lists_and_in_the_record_of_a_run(tmp_path: Path) -> None:
    kind = archsim.register("schedule", "one-by-one", ScheduleKind(one_by_one, "deferred", "One after the other."))
    assert plugins.load("archsim.schedules", "one-by-one") is kind
    listed = CliRunner().invoke(app, ["list", "schedules"]).stdout
    assert "One after the other." in listed
    archsim.register("chip", "mine", {"preset": "unit", "description": "A chip of one's own."})
    assert "A chip of one's own." in CliRunner().invoke(app, ["list", "chips"]).stdout
    run = archsim.simulate(BASE | {"schedule": {"kind": "one-by-one"}})
    run.save(tmp_path / "out")
    registered = json.loads((tmp_path / "out" / "run.json").read_text())["provenance"]["registered"]
    assert registered == {
        "archsim.chips: mine": "a value",
        "archsim.schedules: one-by-one": "archsim.schedule.actions:ScheduleKind",
    }
    assert archsim.load_run(tmp_path / "out") == run


def test_a_name_belongs_to_one_thing() -> None:
    with pytest.raises(InputError, match=r"already, from archsim\.analog\.presets:soft_bounds"):
        archsim.register("device", "soft-bounds", SoftBounds())
    archsim.register("device", "mine", SoftBounds())
    archsim.register("device", "mine", SoftBounds())
    with pytest.raises(InputError, match="already"):
        archsim.register("device", "mine", SoftBounds(dw_min=0.5))
    assert load_preset("archsim.devices", "mine") == SoftBounds()


def test_a_definition_that_is_executed_again_takes_its_own_place() -> None:
    for size in (8, 16):

        @archsim.register("chip", "mine")
        def mine(size: int = size) -> dict[str, Any]:
            return {"preset": "reram-1024", "tile": {"rows": size}}

    assert archsim.load_experiment(BASE | {"chip": "mine"}).chip.tile.rows == 16
    with pytest.raises(InputError, match="already"):
        archsim.register("chip", "mine", lambda: {"preset": "unit"})


class Unfinished(Operator):
    """Says nothing."""


class Unset(Tanh):
    """Lost its settings."""

    Settings = None  # type: ignore[assignment]


class Unweighted(Linear):
    """Holds matrices, and has no settings for them."""

    Settings = Layer  # type: ignore[assignment]


class Nothing:
    """A kind of nothing."""

    Settings = GridSettings


@pytest.mark.parametrize(
    ("group", "thing", "problem", "allowed"),
    [
        ("operator", one_by_one, "as an operator: this is a function", "derives from archsim.network.operators"),
        ("operator", Nothing, "as an operator: this is the class Nothing", "derives from archsim.network.operators"),
        ("operator", Tanh(), "as an operator: this is a Tanh", "derives from archsim.network.operators"),
        ("operator", Unfinished, "it does not define shape", "all of these methods"),
        ("operator", Unset, "its 'Settings' do not fit", "archsim.network.specification.layers.Layer"),
        ("operator", Unweighted, "its 'Settings' do not fit", "MatrixLayer"),
        ("operator", type("Again", (Linear,), {}), "are of the kind 'linear', so no", "kind: Literal['mine'] = 'mine'"),
        ("schedule", one_by_one, "as a schedule: this is a function", "a ScheduleKind"),
        ("schedule", ScheduleKind, "as a schedule: this is the class ScheduleKind", "a ScheduleKind"),
        ("schedule", ScheduleKind(one_by_one, "deferred", "x", Settings=Grouped), "of the kind 'grouped'", "'mine'"),
        (
            "schedule",
            ScheduleKind(one_by_one, "deferred", "x", Settings=GridSettings),
            "'Settings' do not fit",
            "Schedule",
        ),  # type: ignore[arg-type]
        ("action", one_by_one, "as an action: this is a function", "an ActionKind"),
        ("loss", Nothing, "as a loss: this is the class Nothing", "archsim.network.losses.Loss"),
        ("arithmetic", Grid, "are of the kind 'grid', so no", "kind: Literal['mine'] = 'mine'"),
        ("arithmetic", Nothing, "as an arithmetic: this is the class", "archsim.digital.arithmetic.Arithmetic"),
        ("interconnect", Nothing, "as an interconnect: this is the class", "interconnects.base.Interconnect"),
        ("arbitration", Nothing, "as an arbitration: this is the class", "archsim.chip.arbitration.Arbitration"),
        ("device kind", Nothing, "it does not define devices_per_cell, make", "all of these methods"),
        ("device kind", CONSTANT_STEP, "are of the kind 'constant-step', so no", "kind: Literal['mine'] = 'mine'"),
        ("algorithm kind", Nothing, "it does not define arrays, expected", "all of these methods"),
        ("algorithm kind", one_by_one, "as an algorithm kind: this is a function", "a type"),
        ("algorithm kind", AnalogSGD, "are of the kind 'analog-sgd', so no", "kind: Literal['mine'] = 'mine'"),
        ("chip", 3, "as a chip: this is an int", "a function, or a specification or mapping"),
        ("dataset", {}, "as a dataset: this is a dict", "a function"),
        ("search", "grid", "as a search: this is a str", "a function"),
    ],
)
def test_what_its_group_does_not_hold_is_not_registered(group: str, thing: Any, problem: str, allowed: str) -> None:
    with pytest.raises(InputError, match="'mine' cannot be registered as") as refused:
        archsim.register(group, "mine", thing)
    assert problem in str(refused.value)
    assert allowed in str(refused.value.allowed)
    assert plugins.registered() == {}


@pytest.mark.parametrize("group", get_args(plugins.Group))
def test_what_ships_could_be_registered(group: plugins.Group) -> None:
    for name in plugins.names(group):
        plugins.check(group, name, plugins.load(group, name))


def test_a_name_that_is_taken_is_told_with_its_article() -> None:
    with pytest.raises(InputError, match="there is an operator of this name already"):
        archsim.register("operator", "tanh", Tanh)


@pytest.mark.parametrize(
    ("group", "name", "words"),
    [("schedules", "x", "did you mean 'schedule'?"), ("chip", "a b", "letters, digits"), ("chip", "", "letters")],
)
def test_wrong_calls_are_refused(group: str, name: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        archsim.register(group, name, {})
    assert words in str(refused.value)


def test_a_thing_of_the_wrong_type_is_told_when_it_is_used() -> None:
    archsim.register("dataset", "nothing", lambda specification: None)
    with pytest.raises(ArchsimError, match="a DataSet is needed, and this is a NoneType"):
        archsim.simulate(BASE | {"data": {"name": "nothing"}})
    archsim.register("device", "empty", lambda: 3)
    with pytest.raises(ArchsimError, match="a specification is needed"):
        archsim.load_experiment(BASE | with_device("empty"))
