"""A run with a clock is, slice by slice, what a simulation of its own says of the same plain numbers."""

from __future__ import annotations

from dataclasses import replace
from math import lcm
from random import Random

from hypothesis import assume, given
from hypothesis import strategies as st

import archsim
from archsim.errors import DoesNotFit
from archsim.schedule import kind_of
from archsim.schedule.places import places_for
from archsim.schedule.specification import ScheduleSpecification
from tests.random_cases import tried

from .cases import INPUT, LOSSES, Case, Layer, Matrix, Recurrence
from .clock import Policy, Slice
from .hardware import Hardware
from .layout import Layout
from .networks import networks, stages_of
from .orders import IN_TURN
from .simulation import Machine

FORWARD_ONLY = ("inference", "layer-serial")
#: Kinds that place their updates.
PLACED = ("zb-h1", "zb-h2", "zb-v", "dualpipe-v", "hybrid")
OTHERS = ("sequential", "gpipe", "synchronous", "asynchronous", "bounded", "stash", "interleaved", "breadth-first")
KINDS = (*PLACED, *OTHERS, *FORWARD_ONLY)
INTERCONNECTS = ("mesh", "bus", "point-to-point")


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """How units choose among those that wait."""
    kind = draw(st.sampled_from(["first-come-first-served", "round-robin", "priority"]))
    order = draw(st.permutations("FBUT")) if kind == "priority" else []
    return kind, tuple(order[: draw(st.integers(1, 4))])


@st.composite
def shared_places(draw: st.DrawFn, stages: int) -> tuple[int, ...]:
    """Put stages at fewer places, in any order."""
    count = draw(st.integers(1, stages))
    return tuple(draw(st.permutations([s % count for s in range(stages)])))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A network, a chip and a schedule; the numbers of the chip are drawn apart, so that times do not coincide."""
    shape, layers = draw(networks())
    micro_batches, samples = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    kind = draw(st.sampled_from(KINDS))
    updates = ["scheduled"] if kind in PLACED else ["immediate", "deferred"]
    stages = draw(stages_of(layers))
    given_places = places_for(kind_of(ScheduleSpecification(kind=kind)).Settings(kind=kind), len(stages))
    places = st.just(given_places) if kind in IN_TURN else st.none() | shared_places(len(stages))
    numbers = Random(draw(st.integers(0, 2**32)))
    case = Case(
        hardware=replace(
            Hardware.draw(numbers, draw(st.integers(1, 9)), draw(st.sampled_from(INTERCONNECTS))),
            units=draw(policies()),
            links=draw(policies()),
        ),
        input_shape=shape,
        layers=layers,
        stages=stages,
        loss=draw(st.sampled_from(sorted(LOSSES))),
        kind=kind,
        update=draw(st.sampled_from(updates)),
        mini_batches=draw(st.integers(1, 4)),
        micro_batches=micro_batches,
        samples=samples,
        transfer_every=draw(st.integers(0, 3)),
        places=draw(places),
        number=draw(st.integers(0, 3)),
        chunk=draw(st.none() | st.integers(1, 9)),
        overlap="none" if kind == "layer-serial" else draw(st.sampled_from(["none", "layers", "stages"])),
        programs=kind not in FORWARD_ONLY and draw(st.integers(0, 3)) == 0,
    )
    if draw(st.integers(0, 5)) == 0:
        case = replace(case, hardware=case.hardware.with_engine(numbers))
    learned = [matrix.vectors for layer in layers if layer.trains for matrix in layer.matrices]
    if kind not in FORWARD_ONLY and learned and draw(st.integers(0, 3)) == 0:
        # Transfers by themselves are due behind updates only.
        together = samples * (micro_batches if case.update == "deferred" or kind == "hybrid" else 1)
        case = replace(case, separate=True, transfer_every=together * lcm(*learned) * draw(st.integers(1, 2)))
    # Space for a few micro-batches at the stage that stores most: inputs have to wait for it, if they fit at all.
    room = None if case.hardware.engine else draw(st.none() | st.integers(4, 20))
    capacity = None if room is None else max(Layout(case).footprints) * room // 4
    return replace(case, hardware=replace(case.hardware, capacity=capacity))


def busy(run: archsim.Run) -> list[Slice]:
    """Return what units did, in order; what takes no time is left out."""
    table = run.timeline
    table = table[(table.action != "") & (table.end_ps > table.start_ps)]
    # Programming belongs to no micro-batch.
    table = table.assign(micro_batch=table.micro_batch.fillna(-1))
    columns = (table[name].tolist() for name in ("unit", "start_ps", "end_ps", "action", "micro_batch"))
    return sorted(zip(*columns, strict=True))


def test_reads_that_were_ready_first_are_served_first_when_a_layer_is_free_for_them() -> None:
    """One of them may still do its part of the micro-batch before, while the other has done it."""
    matrices = Matrix(18, 21, 5), Matrix(7, 21, 5, of_input=False, of_state=True)
    layers = (
        Layer("fc", "linear", (INPUT,), (5, 18), {"features": 18}, (Matrix(7, 18, 5),)),
        Layer("gru", "gru", ("fc",), (5, 7), {"features": 7}, matrices, recurrence=Recurrence(7, 28, 56, 77)),
        Layer("flat", "flatten", ("gru",), (35,)),
        Layer("out", "linear", ("flat",), (3,), {"features": 3}, (Matrix(35, 3),)),
    )
    case = Case(
        hardware=replace(Hardware.draw(Random(0), 1, "mesh"), prefetch=1),
        input_shape=(5, 7),
        layers=layers,
        stages=(tuple(layer.name for layer in layers),),
        loss="mean-squared-error",
        kind="inference",
        update="deferred",
        mini_batches=1,
        micro_batches=3,
        samples=1,
        overlap="layers",
    )
    machine = Machine(case)
    machine.run()
    assert busy(archsim.simulate(case.document())) == sorted(machine.clock.slices)


@given(cases())
@tried(60)
def test_every_slice_is_that_of_an_independent_simulation(case: Case) -> None:
    machine = Machine(case)
    machine.run()
    try:
        run = archsim.simulate(case.document())
    except DoesNotFit:
        assume(False)
    assert busy(run) == sorted(machine.clock.slices)
    assert run.metrics["makespan_ps"] == machine.clock.now
    links = {key: count for key, count in run.observations.counts.items() if key.component == "link"}
    assert sum(links.values()) == sum(machine.units.carried.values())
    assert not machine.unfinished
