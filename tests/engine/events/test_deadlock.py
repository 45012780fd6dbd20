"""A machine that can go no further says who waits for whom."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

import pytest

from archsim.analog.observed import ExpectedUpdate
from archsim.chip import presets
from archsim.chip.specification import Chip
from archsim.engine.events.machine import Machine
from archsim.engine.numerics.expectations import Expectations, ExpectedReads
from archsim.engine.numerics.expected import Expected
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.engine.observer import Observer
from archsim.engine.program_builder import build_programs
from archsim.engine.setup import Setup
from archsim.errors import Deadlock
from archsim.mapping import make_plan
from archsim.network.build import build_graph
from archsim.network.specification import NetworkSpecification
from archsim.results.timeline import Timeline
from archsim.schedule import Action, PipelineShape, Schedule

#: What an update takes: trains of 31 slots for each sample.
UPDATES = {f"fc{i}": (ExpectedUpdate(slots=Fraction(31), outer_products=1),) for i in range(2)}
EXPECTED = Expectations(dict.fromkeys(UPDATES, ExpectedReads()), UPDATES)
LAYERS = [{"name": f"fc{i}", "kind": "linear", "features": 4} for i in range(2)]


def setup(chip: Chip, *stages: str) -> Setup:
    """Return two linear layers on two stages that do what is written, unchecked."""

    def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
        yield from map(Action.parse, stages[stage].split())

    graph = build_graph(NetworkSpecification.model_validate({"input_shape": [4], "layers": LAYERS}))
    plan = make_plan(graph, chip, 2)
    schedule = Schedule("written", PipelineShape(2, 1, 2), "immediate", order)
    return Setup(chip, plan, build_programs(graph, plan, UPDATES, schedule), schedule, 1)


def chip(**buffer: object) -> Chip:
    document = presets.reram_1024()
    document["buffer"] |= buffer
    return Chip.model_validate(document)


def machine(made: Setup) -> Machine:
    work = Expected(made.samples, EXPECTED)
    return Machine(made, work, Timeline(), Observer(work, made.schedule, 1, None))


def waits(stage: int, action: str, giver: str, text: str) -> bool:
    """Return whether a line of a message says which action a stage cannot do, and whom it waits for."""
    return re.search(rf"^\W*stage {stage}\b.*\b{action}\b.*\b{giver}\b", text, re.MULTILINE) is not None


CROSSED = ("F0 B0 U0 F1 B1 U1", "F1 B1 U1 F0 B0 U0")


def test_stages_that_wait_for_each_other() -> None:
    with pytest.raises(Deadlock) as found:
        machine(setup(chip(), *CROSSED)).run()
    assert waits(0, "B0", "stage 1", str(found.value))
    assert waits(1, "F1", "stage 0", str(found.value))


def test_the_same_without_a_clock() -> None:
    made = setup(chip(), *CROSSED)
    work = Expected(made.samples, EXPECTED)
    with pytest.raises(Deadlock, match=r"stage 0 .*\bB0\b"):
        UntimedMachine(made, work, Observer(work, made.schedule, 1, None)).run()


def test_inputs_without_space() -> None:
    ahead = ("F0 F1 B0 U0 B1 U1", "F0 B0 U0 F1 B1 U1")
    assert machine(setup(chip(), *ahead)).run()
    # One micro-batch of one sample takes 16 bytes and more at stage 0: two do not fit into 24.
    with pytest.raises(Deadlock, match=r"buffer 0\b") as found:
        machine(setup(chip(capacity="24 B"), *ahead)).run()
    assert waits(0, "F1", "host", str(found.value))
