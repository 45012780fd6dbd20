"""Schedules with a kind of action from outside: nothing in archsim knows it, and all of archsim runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import Run
from archsim.errors import InputError, PluginError
from archsim.network.operators.activations import Tanh
from archsim.schedule import (
    Action,
    ActionKind,
    PipelineShape,
    Schedule,
    ScheduleKind,
    StageCycles,
    dry_run,
    make_schedule,
)
from archsim.schedule.action_kinds import StageSteps, load_action_kinds
from archsim.schedule.checks import ScheduleError
from archsim.schedule.specification import ScheduleSpecification
from archsim.simulation import Interrupted

BASE: dict[str, Any] = {
    "network": "mlp-64-64-32-10",
    "chip": "reram-1024",
    "data": {"name": "digits", "test_samples": 40},
    "training": {"learning_rate": 0.05, "mini_batch": 4, "max_mini_batches": 3},
}


def read_again(stage: StageSteps) -> Iterable[Any]:
    return stage.read()


VERIFY = ActionKind("verify read", "Forward reads after an update.", read_again, operation="forward", after=("U",))


class EverySo(ScheduleSpecification):
    """Verifies after every so many micro-batches."""

    kind: str = "sometimes"
    every: int = 2


def in_order(symbols: str) -> ScheduleKind:
    """Return a schedule that does the same actions with one micro-batch after the other."""

    def order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
        yield from (Action(symbol, k) for k in range(shape.total) for symbol in symbols)

    return ScheduleKind(order, "scheduled", "Actions in order.", tuple(symbols))


def sometimes(shape: PipelineShape, stage: int, settings: EverySo) -> Iterator[Action]:
    for k in range(shape.total):
        yield from (Action(symbol, k) for symbol in "FBU")
        if not (k + 1) % settings.every:
            yield Action("V", k)


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.plugins.registry._REGISTERED", {})
    archsim.register("action", "V", VERIFY)
    archsim.register("schedule", "checked", in_order("FBUV"))
    archsim.register("schedule", "unchecked", in_order("FBU"))


def run(kind: str | dict[str, Any], mode: str, **sections: Any) -> Run:
    schedule = {"stages": 2, "micro_batches": 2} | (kind if isinstance(kind, dict) else {"kind": kind})
    return archsim.simulate(BASE | {"schedule": schedule, "run": {"mode": mode}} | sections)


def made(kind: str, stages: int = 3) -> Schedule:
    return make_schedule(ScheduleSpecification(kind=kind, micro_batches=2), stages, 2)


def test_the_dry_run_plays_it() -> None:
    cycles = (StageCycles(1, 1, 1),) * 3
    without, with_it = dry_run(made("unchecked"), cycles), dry_run(made("checked"), cycles)
    # One micro-batch after the other: what the last stages do after B falls into the way of the gradients.
    assert with_it.makespan == without.makespan + 4
    assert with_it.actions == without.actions + 3 * 4
    assert with_it.stored_max == without.stored_max == (1, 1, 1)


def test_the_machine_does_it_and_takes_its_time() -> None:
    found = run("checked", "timing")
    timeline = found.timeline
    verified = timeline[timeline.action == "V"]
    assert len(verified) == 2 * 6
    assert found.metrics["makespan_ps"] > run("unchecked", "timing").metrics["makespan_ps"]
    stages = timeline[timeline.unit.str.startswith("stage ")]
    for name, rows in stages[stages.action != ""].groupby("unit"):
        assert list(rows.sort_values("start_ps").action) == [*"FBUV"] * 6, name
    whole = found.metrics["macs"]["forward"]
    assert whole == 2 * run("unchecked", "timing").metrics["macs"]["forward"]


def test_on_a_stage_engine_it_takes_the_time_of_its_operation() -> None:
    cycles = {kind: run(kind, "timing", chip="unit-fbu").metrics["makespan_ps"] for kind in ("checked", "unchecked")}
    for kind, makespan_ps in cycles.items():
        assert makespan_ps == 1000 * dry_run(make(kind), (StageCycles(1, 1, 1),) * 2).makespan


def make(kind: str) -> Schedule:
    return make_schedule(ScheduleSpecification(kind=kind, micro_batches=2), 2, 3)


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_reading_again_changes_no_number(mode: str) -> None:
    found, plain = run("checked", mode), run("unchecked", mode)
    assert found.metrics["loss"] == plain.metrics["loss"] is not None
    assert found.weights.keys() == plain.weights.keys()
    for name, weights in found.weights.items():
        assert np.array_equal(weights, plain.weights[name]), name


def test_with_and_without_a_clock_it_is_the_same() -> None:
    coupled, numerics = run("checked", "coupled"), run("checked", "numerics")
    for metric in ("loss", "accuracy", "updates", "staleness", "stored_max", "macs"):
        assert coupled.metrics[metric] == numerics.metrics[metric], metric


@pytest.mark.parametrize("mode", ["coupled", "timing", "numerics"])
def test_stopped_between_events_and_taken_up_again_it_is_the_same(mode: str, tmp_path: Path) -> None:
    document = BASE | {"schedule": {"kind": "checked", "stages": 2, "micro_batches": 2}, "run": {"mode": mode}}
    whole, stops = archsim.simulate(document), 0
    while True:
        left = 17 + stops

        def interrupted() -> bool:
            nonlocal left
            left -= 1
            return left <= 0

        try:
            run = archsim.simulate(document, workspace=tmp_path, resume=True, interrupted=interrupted)
            break
        except Interrupted:
            stops += 1
    assert stops >= 2
    assert run.metrics == whole.metrics
    assert run.timeline.equals(whole.timeline)


def test_an_occasional_action_with_a_key_of_its_own() -> None:
    occasional = ActionKind("spot check", "Now and then.", read_again, "forward", after=("U",), occasional=True)
    archsim.register("action", "S", occasional)

    def order(shape: PipelineShape, stage: int, settings: EverySo) -> Iterator[Action]:
        return (Action("S" if a.kind == "V" else a.kind, a.micro_batch) for a in sometimes(shape, stage, settings))

    kind = ScheduleKind(order, "scheduled", "Now and then.", ("F", "B", "U", "S"), Settings=EverySo)
    archsim.register("schedule", "sometimes", kind)
    for every, expected in ((2, 2 * 3), (3, 2 * 2)):
        timeline = run({"kind": "sometimes", "every": every}, "timing").timeline
        stages = timeline[timeline.unit.str.startswith("stage ")]
        assert (stages.action == "S").sum() == expected
    for mode in ("coupled", "numerics"):
        with pytest.raises(InputError, match="needs micro-batch 1, of which nothing is stored"):
            run({"kind": "sometimes", "every": 2}, mode)
    experiment = archsim.load_experiment(BASE | {"schedule": {"kind": "sometimes", "every": 3}})
    assert archsim.load_experiment(experiment.model_dump(mode="json")) == experiment
    assert (
        "every"
        not in archsim.load_experiment(
            experiment.model_dump(mode="json"), ["schedule.kind=gpipe"]
        ).schedule.model_dump()
    )


# What is refused


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
@pytest.mark.parametrize(
    ("order", "action", "problem"),
    [
        # The second stage begins with a digital step.
        ("FBUX", ActionKind("redo", "F once more.", lambda stage: stage.forward(), after=("U",)), "micro-batch 0"),
        ("FBUX", ActionKind("redo", "B once more.", lambda stage: stage.backward(), after=("U",)), "micro-batch 0"),
        (
            "FXBU",
            ActionKind("early", "U too early.", lambda stage: stage.update(), after=("F",)),
            "not stored there now",
        ),
        ("FXBU", ActionKind("early", "B too early.", lambda stage: stage.backward(), after=("F",)), "not stored there"),
    ],
)
def test_an_action_that_needs_what_is_not_stored(order: str, action: ActionKind, problem: str, mode: str) -> None:
    archsim.register("action", "X", replace(action, occasional=True))
    archsim.register("schedule", "redoing", in_order(order))
    schedule = {"kind": "redoing", "stages": [["fc1"], ["act1", "fc2", "act2", "fc3"]]}
    assert run(schedule, "timing").metrics["makespan_ps"]
    with pytest.raises(InputError, match=f"an action of stage [01] needs .*{problem}") as refused:
        run(schedule, mode)
    assert refused.value.field == "schedule.kind"
    assert "let it come after" in str(refused.value.remedy)


@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_what_a_layer_looks_up_in_vain_is_its_own(mode: str) -> None:
    class Forgetful(Tanh):
        """Looks for what is not there."""

        def forward(self, node: Any, inputs: Any) -> Any:
            return {}[node.name]

    archsim.register("operator", "forgetful", Forgetful)
    layers = [("a", "linear", 8), ("b", "forgetful", None), ("c", "linear", 10)]
    network = {
        "input_shape": [64],
        "layers": [{"name": name, "kind": kind} | ({"features": n} if n else {}) for name, kind, n in layers],
    }
    with pytest.raises(PluginError, match="operator 'forgetful' failed: KeyError: 'b'"):
        run("checked", mode, network=network)


def test_an_action_that_nobody_registered() -> None:
    archsim.register("schedule", "odd", in_order("FBUX"))
    with pytest.raises(InputError, match="there is no action of this name") as refused:
        made("odd")
    assert "'X'" in str(refused.value)


def test_an_action_that_the_schedule_does_not_list() -> None:
    def order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
        yield from (Action(symbol, k) for k in range(shape.total) for symbol in "FBUV")

    archsim.register("schedule", "silent", ScheduleKind(order, "scheduled", "Lists too few."))
    with pytest.raises(ScheduleError, match=r"stage 2 is to do V0, and this schedule's actions are F, B, U"):
        dry_run(made("silent"))


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("FBVU", "stage 2 does V0 before U0"),
        ("FVBU", "stage 0 does V0 before U0"),
        ("FBUVV", "stage 2 does V0 twice"),
        ("FBU", "stage 0 leaves out V0: it does V for 0 of 4 micro-batches"),
    ],
)
def test_an_action_out_of_its_order(order: str, message: str) -> None:
    def given(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
        yield from (Action(symbol, k) for k in range(shape.total) for symbol in order)

    archsim.register("schedule", "mixed", ScheduleKind(given, "scheduled", "Out of order.", tuple("FBUV")))
    with pytest.raises(ScheduleError, match=message):
        dry_run(made("mixed"))


def test_an_action_that_follows_one_which_is_missing() -> None:
    archsim.register("schedule", "untrained", in_order("FV"))
    with pytest.raises(InputError, match="an action V follows U, which this schedule does not do"):
        made("untrained")


def test_symbols_are_letters_and_kinds_are_kinds() -> None:
    archsim.register("action", "V2", VERIFY)
    with pytest.raises(InputError, match="stands before a number"):
        load_action_kinds(["F", "B", "U", "V2"])
    with pytest.raises(InputError, match="as an action: this is a function"):
        archsim.register("action", "W", read_again)
    with pytest.raises(InputError, match="several micro-batches at once"):
        ActionKind("merge", "Of several.", read_again, awaits="values", joint=True)
