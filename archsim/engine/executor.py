"""Runs a schedule: on a chip with a clock, or on the numbers alone."""

from __future__ import annotations

from collections import defaultdict

from archsim.chip.specification import Chip
from archsim.engine.accounts import count_operations, layer_totals, unit_times
from archsim.engine.machine import Machine
from archsim.engine.observer import Account, Observer
from archsim.engine.program import HOST, StageProgram
from archsim.engine.tasks import do_step
from archsim.engine.work import UpdateWork, Work
from archsim.errors import Deadlock
from archsim.mapping.plan import Plan
from archsim.results.observations import Observations
from archsim.results.tally import Tally
from archsim.results.timeline import Timeline
from archsim.schedule.actions import Action, Schedule

__all__ = ["run_on_chip", "run_without_clock"]


def run_on_chip(
    chip: Chip,
    plan: Plan,
    programs: tuple[StageProgram, ...],
    schedule: Schedule,
    vectors: int,
    work: Work,
    timeline: Timeline,
    observer: Observer,
) -> Observations:
    """Run a schedule on a simulated chip.

    Parameters
    ----------
    chip, plan, programs, schedule
        What is built, where everything lies, what each stage does, and in which order.
    vectors : int
        Samples of a micro-batch.
    work : Work
        The numbers, or what stands for them.
    timeline : Timeline
        Filled with every busy and idle slice.
    observer : Observer
        Told of every ended action.
    """
    engines = chip.stage_engine is not None

    def account() -> Account:
        units = unit_times(plan, machine.busy_so_far(), machine.kernel.now, stage_engines=engines)
        tally = Tally.of(count_operations(machine).counts, units)
        return tally.energy_pj(chip), tally

    def action_ended(stage: int, action: Action) -> None:
        observer.action_ended(stage, action, machine.kernel.now, machine.kernel.events, account)

    machine = Machine(chip, plan, programs, schedule, vectors, work, timeline, action_ended)
    machine.run()
    makespan = machine.kernel.now
    timeline.close(makespan)
    return _observe(machine, chip, plan, schedule, vectors, timeline, observer, makespan)


def _observe(
    machine: Machine,
    chip: Chip,
    plan: Plan,
    schedule: Schedule,
    vectors: int,
    timeline: Timeline,
    observer: Observer,
    makespan: int,
) -> Observations:
    totals = layer_totals(machine.equipment)
    last = observer.curve.points[-1] if observer.curve.points else None
    engines = chip.stage_engine is not None
    stage_numbers = {unit.name: number for number, unit in enumerate(timeline.units)}
    return Observations(
        makespan_ps=makespan,
        samples=schedule.shape.total * vectors,
        mini_batches=schedule.shape.mini_batches,
        accuracy=last.test_accuracy if last else None,
        loss=last.train_loss if last else None,
        staleness=tuple(stage.staleness_sum / stage.backwards for stage in machine.stages),
        in_flight_max=tuple(stage.in_flight_max for stage in machine.stages),
        stage_busy_ps=tuple(timeline.busy_ps(stage_numbers[f"stage {stage.index}"]) for stage in machine.stages),
        stages=tuple(f"stage {stage.index}" for stage in machine.stages),
        counts=count_operations(machine).counts,
        units=unit_times(plan, machine.busy_so_far(), makespan, stage_engines=engines),
        tiles=0 if engines else plan.tiles,
        nodes=0 if engines else plan.mesh[0] * plan.mesh[1],
        idle_ps=timeline.idle_ps(),
        pulses=dict(totals.pulses),
        reads=dict(totals.reads),
        read_vectors=dict(totals.read_vectors),
        update_slots=dict(totals.update_slots),
        update_vectors=dict(totals.update_vectors),
        bytes_sent=machine.transport.bytes_sent,
        bytes_received=machine.transport.bytes_received,
        events=machine.kernel.events,
    )


class _UntimedStage:
    """A stage without a clock: where it stands in its list, and what it has been given."""

    def __init__(self, program: StageProgram, schedule: Schedule) -> None:
        self.program = program
        self.actions = schedule.stage(program.index)
        self.next = next(self.actions, None)
        self.inputs: dict[int, int] = defaultdict(int)
        self.gradients: dict[int, int] = defaultdict(int)
        self.needed = sum(edge.source != HOST for edge in program.imports)
        self.in_flight: dict[int, int] = {}
        self.in_flight_max = self.updates = self.staleness_sum = 0

    def ready(self, action: Action) -> bool:
        if action.kind == "F":
            return self.inputs[action.micro_batch] == self.needed
        if action.kind == "B":
            return self.gradients[action.micro_batch] == len(self.program.exports)
        return True

    def note(self, action: Action) -> None:
        k = action.micro_batch
        if action.kind == "F":
            self.inputs.pop(k, None)
            self.in_flight[k] = self.updates
            self.in_flight_max = max(self.in_flight_max, len(self.in_flight))
        elif action.kind == "B":
            self.gradients.pop(k, None)
            self.staleness_sum += self.updates - self.in_flight.pop(k)
        else:
            self.updates += 1


def run_without_clock(
    programs: tuple[StageProgram, ...], schedule: Schedule, vectors: int, work: Work, observer: Observer
) -> Observations:
    """Run a schedule's numbers alone, each stage in its order, any stage that can go on.

    A stage's weights are touched by its own actions only, so every order that the schedule allows
    gives the same numbers as a run with a clock.
    """
    stages = [_UntimedStage(program, schedule) for program in programs]
    totals: dict[str, dict[str, int]] = {name: defaultdict(int) for name in ("reads", "slots", "vectors", "pulses")}
    moved = True
    while moved:
        moved = False
        for stage in stages:
            while (action := stage.next) is not None and stage.ready(action):
                _do(stage, action, stages, work, totals)
                observer.action_ended(stage.program.index, action, 0, 0, _no_account)
                stage.next = next(stage.actions, None)
                moved = True
    stuck = [stage for stage in stages if stage.next is not None]
    if stuck:
        raise Deadlock(
            "the run cannot finish: stages wait for each other\n"
            + "\n".join(f"  stage {stage.program.index} waits to do {stage.next}" for stage in stuck)
        )
    last = observer.curve.points[-1] if observer.curve.points else None
    total = schedule.shape.total
    return Observations(
        makespan_ps=0,
        samples=total * vectors,
        mini_batches=schedule.shape.mini_batches,
        accuracy=last.test_accuracy if last else None,
        loss=last.train_loss if last else None,
        staleness=tuple(stage.staleness_sum / total for stage in stages),
        in_flight_max=tuple(stage.in_flight_max for stage in stages),
        stage_busy_ps=(0,) * len(stages),
        stages=tuple(f"stage {stage.program.index}" for stage in stages),
        counts={},
        units=(),
        tiles=0,
        nodes=0,
        idle_ps={},
        pulses=dict(totals["pulses"]),
        update_slots=dict(totals["slots"]),
        update_vectors=dict(totals["vectors"]),
    )


def _do(
    stage: _UntimedStage,
    action: Action,
    stages: list[_UntimedStage],
    work: Work,
    totals: dict[str, dict[str, int]],
) -> None:
    program = stage.program
    stage.note(action)
    work.begin(program.index, action)
    for step in program.steps(action.kind):
        done = do_step(step, program.index, action, work)
        if isinstance(done, UpdateWork):
            totals["slots"][step.layer] += done.slots
            totals["vectors"][step.layer] += done.vectors
            totals["pulses"][step.layer] += done.pulses
    if action.kind == "F":
        for edge in program.exports:
            work.deliver(edge, action.micro_batch)
            stages[edge.target].inputs[action.micro_batch] += 1
    elif action.kind == "B":
        for edge in program.imports:
            if edge.source != HOST:
                work.deliver_gradient(edge, action.micro_batch)
                stages[edge.source].gradients[action.micro_batch] += 1


def _no_account() -> Account | None:
    return None
