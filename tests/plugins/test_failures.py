"""Parts from outside that raise, or give what nothing can be done with: each is told by its name, with what it did."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from typer.testing import CliRunner

import archsim
from archsim.analog.algorithms.analog_sgd import AnalogSGD
from archsim.analog.devices.kinds import CONSTANT_STEP
from archsim.analog.observed import Read
from archsim.analog.specification import ConstantStep
from archsim.analog.specification.algorithms import AnalogSGDSettings
from archsim.chip.arbitration import Arbitration
from archsim.chip.interconnects import InterconnectSettings
from archsim.chip.interconnects.mesh import MeshInterconnect
from archsim.cli.app import app
from archsim.digital.arithmetic import Float32
from archsim.digital.specification import ArithmeticSettings
from archsim.errors import ArchsimError, InputError, PluginError
from archsim.network.losses import SoftmaxCrossEntropy
from archsim.network.operators import OperatorCost
from archsim.network.operators.activations import Tanh
from archsim.schedule import Action, ActionKind, PipelineShape, ScheduleKind
from archsim.schedule.specification import ScheduleSpecification
from archsim.simulation import Interrupted

LAYERS: list[dict[str, Any]] = [
    {"name": "fc1", "kind": "linear", "features": 12},
    {"name": "bend", "kind": "tanh"},
    {"name": "fc2", "kind": "linear", "features": 10},
]
BASE: dict[str, Any] = {
    "network": {"input_shape": [64], "layers": LAYERS},
    "chip": "reram-1024",
    "data": {"name": "digits", "samples": 40, "test_samples": 20},
    "training": {"learning_rate": 0.05, "mini_batch": 4, "max_mini_batches": 3},
    "schedule": {"kind": "gpipe", "stages": 2, "micro_batches": 2},
}


@pytest.fixture(autouse=True)
def _nothing_stays_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})


class OfTheirOwn(Exception):  # noqa: N818
    """What parts raise here: nothing of archsim's knows it."""


def fails(*given: Any, **named: Any) -> Any:
    """Do what every part does here."""
    raise OfTheirOwn("no such thing")


def network(kind: str = "tanh", loss: str = "softmax-cross-entropy") -> dict[str, Any]:
    layers = [layer | ({"kind": kind} if layer["name"] == "bend" else {}) for layer in LAYERS]
    return {"input_shape": [64], "layers": layers, "loss": loss}


class MyArithmeticSettings(ArithmeticSettings):
    kind: Literal["mine"] = "mine"  # type: ignore[assignment]


class MyLinks(InterconnectSettings):
    kind: Literal["mine"] = "mine"  # type: ignore[assignment]


class MyDevice(ConstantStep):
    kind: Literal["mine"] = "mine"  # type: ignore[assignment]


class MyAlgorithm(AnalogSGDSettings):
    kind: Literal["mine"] = "mine"  # type: ignore[assignment]


class Array:
    """An array of devices of a class of its own, which nobody registers; it fails in updates."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)

    def update(self, *given: Any) -> Any:
        return fails()


class DeviceKind:
    Settings = MyDevice

    @staticmethod
    def devices_per_cell(settings: MyDevice) -> int:
        return 1

    @staticmethod
    def make(settings: MyDevice, site: Any) -> Any:
        return Array(CONSTANT_STEP.make(ConstantStep(**settings.model_dump(exclude={"kind"})), site))


def helper(shape: PipelineShape) -> Iterator[Action]:
    """Yield the actions of a stage, and fail in the second mini-batch: after what is looked at before a run."""
    for k in range(shape.total):
        if k == 150:
            fails()
        yield Action("F", k)
        yield Action("B", k)


def failing_order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    return helper(shape)


def plain_order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    yield from (Action(symbol, k) for k in range(shape.total) for symbol in "FXBU")


def having(base: type, name: str = "Mine", **members: Any) -> Any:
    """Return a class of this module that differs from another one in some members."""
    return type(name, (base,), {"__module__": __name__, **members})


class Failing:
    """For each group, something that fails; and the experiment in which it does."""

    operator = having(Tanh, forward=fails), {"network": network("mine")}
    gradient = having(Tanh, gradient=fails), {"network": network("mine")}
    cost = having(Tanh, cost=fails), {"network": network("mine")}
    loss = having(SoftmaxCrossEntropy, of=fails), {"network": network(loss="mine")}
    arithmetic = (
        having(Float32, Settings=MyArithmeticSettings, number=fails),
        {"chip": {"preset": "reram-1024", "nmpu": {"arithmetic": "mine"}}},
    )
    interconnect = (
        having(MeshInterconnect, Settings=MyLinks, route=fails),
        {"chip": {"preset": "reram-1024", "interconnect": "mine"}},
    )
    dataset = fails, {"data": {"name": "mine"}}
    chip = fails, {"chip": "mine"}


def registered(group: str, thing: Any) -> None:
    archsim.register(group, "mine", thing)


@pytest.mark.parametrize("case", [name for name in vars(Failing) if not name.startswith("_")])
def test_what_raises_is_named(case: str) -> None:
    thing, changes = getattr(Failing, case)
    group = "operator" if case in ("gradient", "cost") else case
    registered(group, thing)
    told = failure(BASE | changes)
    assert told.part == f"{group} 'mine'"


def failure(document: Mapping[str, Any]) -> PluginError:
    """Return what a run that fails in a part says, which is the same in both modes with numbers."""
    with pytest.raises(PluginError) as failed:
        archsim.simulate(document)
    error = failed.value
    assert isinstance(error.__cause__, OfTheirOwn)
    line = inspect.getsourcelines(fails)[1] + 2
    assert error.place == f"{__file__}:{line}, in fails"
    assert f"{error.part} failed: OfTheirOwn: no such thing\n  at:      {error.place}\n  remedy:" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.part, again.place) == (str(error), error.part, error.place)
    return error


def test_an_order_that_fails_later_is_named_though_a_helper_of_its_module_fails() -> None:
    registered("schedule", ScheduleKind(failing_order, "deferred", "Fails later."))
    changes = {
        "training": BASE["training"] | {"max_mini_batches": 100},
        "schedule": {"kind": "mine", "stages": 2, "micro_batches": 2},
        "data": {"name": "digits"},
    }
    assert failure(BASE | changes).part == "schedule 'mine'"


def test_an_action_whose_steps_fail() -> None:
    archsim.register("action", "X", ActionKind("mine", "Fails.", fails, "forward", after=("F",)))
    registered("schedule", ScheduleKind(plain_order, "scheduled", "With X.", ("F", "X", "B", "U")))
    assert failure(BASE | {"schedule": {"kind": "mine", "stages": 2, "micro_batches": 2}}).part == "action 'X'"


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_arrays_that_a_kind_of_devices_makes(mode: str) -> None:
    registered("device kind", DeviceKind)
    chip = {"preset": "reram-1024", "device": {"kind": "mine"}}
    assert failure(BASE | {"chip": chip, "run": {"mode": mode}}).part == "device kind 'mine'"


def test_an_algorithm_that_fails() -> None:
    registered("algorithm kind", having(AnalogSGD, Settings=MyAlgorithm, update=fails))
    training = BASE["training"] | {"algorithm": {"kind": "mine"}}
    assert failure(BASE | {"training": training}).part == "algorithm kind 'mine'"


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"forward": lambda self, x, first: x},
            "'forward' of .*Mine gave an array of float32 .*, and a Read is needed",
        ),
        (
            {"backward": lambda self, d, first: Read(d.astype(float), 1)},
            "'backward' of .*Mine gave a Read of an array of float64",
        ),
        (
            {"backward": lambda self, d, first: Read(d[:, :1], 1)},
            r"a Read of an array of float32 of the shape \[2, 1\], and a Read of .* of the shape \[2, 12\] is needed",
        ),
        ({"update": lambda self, *given: None}, "'update' of .*Mine gave a NoneType, and a record of Counts is needed"),
        ({"end_mini_batch": lambda self, index: 0}, "'end_mini_batch' of .*Mine gave an int, and a record of Counts"),
    ],
)
def test_an_algorithm_that_gives_something_else(members: dict[str, Any], problem: str, mode: str) -> None:
    registered("algorithm kind", having(AnalogSGD, Settings=MyAlgorithm, **members))
    training = BASE["training"] | {"algorithm": {"kind": "mine"}}
    with pytest.raises(ArchsimError, match=problem):
        archsim.simulate(BASE | {"training": training, "run": {"mode": mode}})


@pytest.mark.parametrize(
    ("weights", "problem"),
    [(None, "made a Array with no weights"), (np.zeros((12, 64)), r"weights of float64 of the shape \[12, 64\], and")],
)
def test_a_kind_of_devices_that_makes_something_else(weights: Any, problem: str) -> None:
    class Odd(DeviceKind):
        """Makes arrays with odd weights."""

        @staticmethod
        def make(settings: MyDevice, site: Any) -> Any:
            made = DeviceKind.make(settings, site)
            made.weights = weights
            return made

    registered("device kind", Odd)
    with pytest.raises(ArchsimError, match=f"device kind 'mine' .*{problem}"):
        archsim.simulate(BASE | {"chip": {"preset": "reram-1024", "device": {"kind": "mine"}}})


class Unfair(Arbitration):
    """Chooses what it is told to choose."""

    kind: Literal["mine"] = "mine"  # type: ignore[assignment]
    position_of_all: int | None = None

    def choose(self, waiting: Any, served: Any) -> Any:
        return fails() if self.position_of_all is None else self.position_of_all


#: Three stages at one place share its digital unit.
CROWDED: dict[str, Any] = {"kind": "gpipe", "stages": 2, "places": 1, "micro_batches": 4}


def test_an_arbitration_that_fails_or_chooses_nobody() -> None:
    registered("arbitration", Unfair)
    crowded = BASE | {"schedule": CROWDED, "run": {"mode": "timing"}}
    assert failure(crowded | {"chip": {"preset": "reram-1024", "arbitration": "mine"}}).part == "arbitration 'mine'"
    arbitration = {"kind": "mine", "position_of_all": 99}
    with pytest.raises(ArchsimError, match=r"arbitration 'mine' chose 99 of \d waiting jobs"):
        archsim.simulate(crowded | {"chip": {"preset": "reram-1024", "arbitration": arbitration}})


def test_preparing_and_loading_tell_it_as_well() -> None:
    registered("operator", having(Tanh, shape=fails))
    with pytest.raises(PluginError, match="operator 'mine' failed"):
        archsim.prepare(BASE | {"network": network("mine")})
    registered("chip", fails)
    with pytest.raises(PluginError, match="chip 'mine' failed"):
        archsim.load_experiment(BASE | {"chip": "mine"})


def test_a_run_that_goes_on_tells_the_part_and_not_its_checkpoint(tmp_path: Path) -> None:
    class Late(Tanh):
        """Fails when it is told to."""

        ready = True

        def forward(self, node: Any, inputs: Any) -> Any:
            return super().forward(node, inputs) if Late.ready else fails()

    registered("operator", Late)
    document = BASE | {"network": network("mine"), "run": {"mode": "coupled"}}
    events = iter(range(60))
    with pytest.raises(Interrupted):
        archsim.simulate(document, workspace=tmp_path, interrupted=lambda: next(events, None) is None)
    Late.ready = False
    with pytest.raises(PluginError, match="operator 'mine' failed"):
        archsim.simulate(document, workspace=tmp_path, resume=True)


def test_what_the_caller_wrote_for_the_call_is_the_callers() -> None:
    registered("dataset", fails)  # A part of this very module.
    with pytest.raises(OfTheirOwn):
        archsim.simulate(BASE, progress=fails)
    with pytest.raises(OfTheirOwn):
        archsim.simulate(BASE, progress=lambda progress: fails())

    def component(environment: Any, units: Any) -> Iterator[Any]:
        yield environment.timeout(1000)
        fails()

    with pytest.raises(OfTheirOwn):
        archsim.simulate(BASE, components={"mine": component})


def test_the_command_line_tells_it_in_one_message_and_shows_the_traceback_where_asked(tmp_path: Path) -> None:
    registered("chip", fails)
    arguments = ["run", "mlp_digits", "--set", "chip=mine", "-o", str(tmp_path / "run")]
    plain, debugged = CliRunner().invoke(app, arguments), CliRunner().invoke(app, ["--debug", *arguments])
    assert plain.exit_code == debugged.exit_code == 1
    assert plain.stderr.startswith("archsim: chip 'mine' failed: OfTheirOwn: no such thing")
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debugged.stderr
    assert debugged.stderr.endswith(plain.stderr)
    assert 'raise OfTheirOwn("no such thing")' in debugged.stderr


def swept(search: Any, folder: Path) -> Any:
    registered("search", search)
    vary = {"chip.adc.bits": [8, 7]}
    return archsim.sweep(BASE, vary, folder, mode="timing", search="mine")


@pytest.mark.parametrize(
    ("proposed", "problem"),
    [
        (None, "proposes a NoneType, and a list of points is needed"),
        ([3], "proposes the point 3, and a mapping with the keys chip.adc.bits is needed"),
        ([{"chip.dac.bits": "8"}], "proposes the point .*, and a mapping with the keys chip.adc.bits"),
        ([{"chip.adc.bits": 0}], "proposes the value 0, and a text is needed"),
    ],
)
def test_a_search_that_proposes_no_points(proposed: Any, problem: str, tmp_path: Path) -> None:
    def search(axes: Any, results: Any) -> Any:
        return proposed

    with pytest.raises(ArchsimError, match=f"search 'mine' {problem}"):
        swept(search, tmp_path)


def test_a_search_that_fails(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="search 'mine' failed"):
        swept(fails, tmp_path)


# What parts give


def gives(what: Any) -> Any:
    return lambda *given, **named: what


def doubled(method: Any) -> Any:
    """Return a method that gives what another one gives in double precision."""

    def changed(self: Any, *given: Any) -> Any:
        found = method(self, *given)
        wide = [each.astype(np.float64) for each in (found if isinstance(found, tuple) else (found,))]
        return tuple(wide) if isinstance(found, tuple) else wide[0]

    return changed


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"forward": doubled(Tanh.forward)}, r"'forward' of the operator 'mine' gave an array of float64 of"),
        ({"gradient": doubled(Tanh.gradient)}, r"'gradient' of the operator 'mine' gave an array of float64 of"),
        ({"forward": gives(None)}, r"'forward' of the operator 'mine' gave a NoneType, and an array of float32"),
        ({"shape": gives(12)}, r"'shape' of the operator 'mine' gave 12, and a tuple of whole numbers"),
        ({"shape": gives((12.0,))}, r"'shape' of the operator 'mine' gave \(12.0,\), and"),
        ({"cost": gives(None)}, "operator 'mine' tells its cost as a NoneType, and an OperatorCost is needed"),
        ({"gradient_cost": gives(OperatorCost(1.5))}, "operator .mine. costs 1.5 operations, and a whole number"),
    ],
)
def test_an_operator_that_gives_something_else(members: dict[str, Any], problem: str, mode: str) -> None:
    registered("operator", having(Tanh, **members))
    with pytest.raises(ArchsimError, match=problem):
        archsim.simulate(BASE | {"network": network("mine"), "run": {"mode": mode}})


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (None, "gave a NoneType, and a tuple is needed"),
        ((1.0,), "gave 1 values, and a tuple is needed"),
        (("much", np.zeros((2, 10), np.float32)), "gave a str as the loss of a block"),
        ((1.0, np.zeros((2, 10))), r"gave an array of float64 of the shape \[2, 10\] as the gradient"),
        ((1.0, np.zeros((2, 9), np.float32)), r"of the shape \[2, 10\] is needed"),
    ],
)
def test_a_loss_that_gives_something_else(found: Any, problem: str) -> None:
    registered("loss", having(SoftmaxCrossEntropy, of=gives(found)))
    with pytest.raises(ArchsimError, match=problem):
        archsim.simulate(BASE | {"network": network(loss="mine")})


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        (
            {"number": lambda self, x: x.astype(np.float64)},
            "'number' of the arithmetic 'mine' gave an array of float",
        ),
        ({"add": lambda self, x, y: (x + y).astype(np.int32)}, "'add' of the arithmetic 'mine' gave an array of int32"),
        ({"total": lambda self, x, axis: np.add.reduce(x, None)}, "'total' of the arithmetic 'mine' gave a float32"),
        ({"function": lambda self, f, x: f(x)[0]}, r"'function' .* of the shape \[2\], and .* \[2, 2\] is needed"),
        ({"divide": gives(None)}, "'divide' of the arithmetic 'mine' gave a NoneType"),
    ],
)
def test_an_arithmetic_that_gives_something_else(members: dict[str, Any], problem: str) -> None:
    registered("arithmetic", having(Float32, Settings=MyArithmeticSettings, **members))
    chip = {"preset": "reram-1024", "nmpu": {"arithmetic": "mine"}}
    with pytest.raises(ArchsimError, match=problem):
        archsim.simulate(BASE | {"chip": chip})


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"route": gives(None)}, "interconnect 'mine' gives None as the route from node 0 to 1"),
        ({"route": gives(["link 0->1"])}, "a tuple of Link is needed"),
        ({"order": (0, 0)}, r"interconnect 'mine' orders its \d+ nodes as \[0, 0\], and each of"),
    ],
)
def test_an_interconnect_that_gives_something_else(members: dict[str, Any], problem: str) -> None:
    registered("interconnect", having(MeshInterconnect, Settings=MyLinks, **members))
    with pytest.raises(ArchsimError, match=problem):
        archsim.simulate(BASE | {"chip": {"preset": "reram-1024", "interconnect": "mine"}})


def in_order(of_stage: Sequence[Any]) -> Any:
    def order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Any]:
        yield from of_stage

    return order


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (ScheduleKind(in_order(["F0"]), "deferred", "x"), "the order of schedule 'mine' gives 'F0' for stage 0"),
        (ScheduleKind(in_order([("F", 0)]), "deferred", "x"), r"gives \('F', 0\) for stage 0"),
        (ScheduleKind(gives(None), "deferred", "x"), "the order of schedule 'mine' gives None for stage 0"),
        (
            ScheduleKind(failing_order, "deferred", "x", places=gives((0, 2))),
            r"schedule 'mine' gives 2 stages the places \(0, 2\)",
        ),
    ],
)
def test_a_schedule_that_gives_something_else(kind: ScheduleKind, problem: str) -> None:
    registered("schedule", kind)
    with pytest.raises(ArchsimError, match=problem):
        archsim.prepare(BASE | {"schedule": {"kind": "mine", "stages": 2, "micro_batches": 2}})


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: ScheduleKind(failing_order, "sometimes", "x"), "default_update"),  # type: ignore[arg-type]
        (lambda: ScheduleKind("FBU", "deferred", "x"), "order"),  # type: ignore[arg-type]
        (lambda: ScheduleKind(failing_order, "deferred", "x", "FBU"), "actions"),  # type: ignore[arg-type]
        (lambda: ActionKind("x", "x", fails, "sideways"), "operation"),  # type: ignore[arg-type]
        (lambda: ActionKind("x", "x", fails, awaits="words"), "awaits"),  # type: ignore[arg-type]
        (lambda: ActionKind("x", "x", 3), "steps"),  # type: ignore[arg-type]
    ],
)
def test_kinds_are_checked_when_they_are_made(make: Any, field: str) -> None:
    with pytest.raises(InputError) as refused:
        make()
    assert refused.value.field == field


@pytest.mark.parametrize("steps", [gives(None), gives(["forward"]), gives(3)])
def test_an_action_that_gives_no_steps(steps: Any) -> None:
    archsim.register("action", "X", ActionKind("mine", "Gives no steps.", steps, "forward", after=("F",)))
    registered("schedule", ScheduleKind(plain_order, "scheduled", "With X.", ("F", "X", "B", "U")))
    with pytest.raises(ArchsimError, match=r"action 'X' gives a .* as what a stage does in it"):
        archsim.prepare(BASE | {"schedule": {"kind": "mine", "stages": 2, "micro_batches": 2}})
