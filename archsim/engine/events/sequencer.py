"""The control of one stage: it goes through its list of actions, one after another.

What they need and change, the stage's state knows; here is what is about time, tasks and causes of waiting. All of it
is explicit (step, tasks outstanding); nothing lives in a suspended frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from archsim.chip.components import NO_WORK_YET, Recorder, Timekeeper
from archsim.engine.events.occupancy import Occupancy
from archsim.engine.events.spaces import Space
from archsim.engine.events.tasks import Grid, Task
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.work import Work
from archsim.schedule.actions import Action, Schedule
from archsim.schedule.state import StageState

__all__ = ["Neighbours", "Sequencer", "StageTasks", "StepTasks"]


@dataclass(frozen=True, slots=True)
class StepTasks:
    """The tasks of a step.

    Attributes
    ----------
    tasks : tuple of Task
        What is asked for at once; the step ends with the last of them.
    cause : int
        What their units were waiting for.
    grid : Grid or None
        Parts of one matrix that may be computed side by side.
    """

    tasks: tuple[Task, ...]
    cause: int
    grid: Grid | None = None


#: For each step of an action, its tasks.
StageTasks = Sequence[StepTasks]


class Neighbours(Protocol):
    """What a stage tells the rest of the machine."""

    def input_taken(self, stage: int) -> None:
        """An action has started with an input, which left the queue before the stage."""

    def send_values(self, stage: int, micro_batch: int) -> None:
        """An action has ended whose values go on."""

    def send_gradients(self, stage: int, micro_batch: int) -> None:
        """An action has ended whose gradients go back."""

    def action_ended(self, stage: int, action: Action) -> None:
        """An action has ended and its numbers are final."""


class Sequencer:
    """One stage.

    Parameters
    ----------
    program : StageProgram
        What crosses its borders.
    schedule : Schedule
        What kinds of action there are.
    state : StageState
        What it has done, and does next.
    work : Work
        The numbers.
    space : Space
        Space for what it stores; ``footprint`` bytes a micro-batch.
    timekeeper, recorder
        The event kernel and who is told of busy and idle slices.
    neighbours : Neighbours
        The rest of the machine.

    Attributes
    ----------
    action : Action
        The action that the stage is doing, or did last; there is none before the first.
    place : Occupancy or None
        Told when it acts, where other stages are at its place.
    """

    __slots__ = (
        "_cause",
        "_causes",
        "_departing",
        "_free_since",
        "_kinds",
        "_neighbours",
        "_no_layer",
        "_number",
        "_outstanding",
        "_recorder",
        "_releasing",
        "_running",
        "_since",
        "_staying",
        "_step",
        "_steps",
        "_tasks",
        "_timekeeper",
        "_waited_for_space",
        "_work",
        "action",
        "footprint",
        "index",
        "place",
        "program",
        "space",
        "state",
    )

    def __init__(
        self,
        program: StageProgram,
        schedule: Schedule,
        state: StageState,
        work: Work,
        space: Space,
        footprint: int,
        timekeeper: Timekeeper,
        recorder: Recorder,
        neighbours: Neighbours,
    ) -> None:
        self.index = program.index
        self.program = program
        self.space = space
        self.footprint = footprint
        self.place: Occupancy | None = None
        self.state = state
        self._kinds = schedule.kinds
        self._work = work
        self._timekeeper = timekeeper
        self._recorder = recorder
        self._neighbours = neighbours
        self._number = recorder.unit(f"stage {self.index}", "stage", self.index)
        self._no_layer = recorder.layer("")
        self._tasks: dict[str, StageTasks] = {}
        self.action: Action
        self._running = False
        self._steps: StageTasks = ()
        self._step = 0
        self._outstanding = 0
        self._since = 0
        self._free_since = 0
        self._waited_for_space: set[int] = set()
        #: With which kind of action the space of a micro-batch is given back; if its values go on then, with the
        #: last of them to depart, and how many of them still stay.
        self._releasing = schedule.releasing
        self._departing = bool(program.exports) and schedule.kinds[schedule.releasing].sends == "values"
        self._staying: dict[int, int] = {}
        self._causes = self._name_causes()
        #: What the stage waited for if it waits no longer: what arrived last.
        self._cause = self._causes["start", 0]

    def equip(self, tasks: dict[str, StageTasks]) -> None:
        """Give it the steps of its actions; later than the rest, since tasks know their stage."""
        self._tasks = tasks

    @property
    def busy_since(self) -> int | None:
        """When the running action started, or None."""
        return self._since if self._running else None

    def input_arrived(self, edge: Edge, micro_batch: int, waited_for_space: bool) -> None:
        """Take an input; go on if that was what was missing."""
        self.state.arrived("values", micro_batch)
        if waited_for_space:
            self._waited_for_space.add(micro_batch)
        self._cause = self._causes["values", edge.source]
        self.proceed()

    def gradient_arrived(self, edge: Edge, micro_batch: int) -> None:
        """Take a gradient; go on if that was what was missing."""
        self.state.arrived("gradients", micro_batch)
        self._cause = self._causes["gradients", edge.target]
        self.proceed()

    def value_departed(self, micro_batch: int) -> None:
        """Learn that a value has space at its target; where nothing follows, the last one gives back the space here."""
        if not self._departing:
            return
        left = self._staying.pop(micro_batch, len(self.program.exports)) - 1
        if left:
            self._staying[micro_batch] = left
        else:
            self.space.release(self.footprint)

    def proceed(self) -> None:
        """Start the next action if the stage is free and what it needs is there."""
        if not self._running and (action := self.state.start()) is not None:
            self._begin(action)

    def task_done(self) -> None:
        """Learn that a task of the current step is done."""
        self._outstanding -= 1
        if not self._outstanding:
            self._step += 1
            self._run_step()

    def _begin(self, action: Action) -> None:
        now = self._timekeeper.now
        if now != self._free_since:
            self._recorder.idle(self._number, self._free_since, now, self._idle_cause(action))
        self.action = action
        self._running = True
        if self.place is not None:
            self.place.enter()
        self._since = now
        self._work.begin(self.index, action)
        if self._kinds[action.kind].awaits == "values":
            self._waited_for_space.discard(action.micro_batch)
            self._neighbours.input_taken(self.index)
        self._steps = self._tasks[action.kind]
        self._step = 0
        self._run_step()

    def _run_step(self) -> None:
        if self._step == len(self._steps):
            self._end()
            return
        step = self._steps[self._step]
        tasks, cause = step.tasks, step.cause
        self._outstanding = len(tasks)
        if step.grid is not None:
            step.grid.prepare(self.index, self.action)
        for task in tasks:
            task.request(cause)

    def _end(self) -> None:
        now = self._timekeeper.now
        action = self.action
        self._recorder.busy(self._number, self._no_layer, action.kind, action.micro_batch, self._since, now)
        self._free_since = now
        self._running = False
        if self.place is not None:
            self.place.leave()
        self.state.end(action)
        sends = self._kinds[action.kind].sends
        if sends == "values":
            self._neighbours.send_values(self.index, action.micro_batch)
        elif sends == "gradients":
            self._neighbours.send_gradients(self.index, action.micro_batch)
        if action.kind == self._releasing and not self._departing:
            self.space.release(self.footprint * action.count)
        self._neighbours.action_ended(self.index, action)
        self.proceed()

    def _name_causes(self) -> dict[tuple[str, int], int]:
        """Return the cause of waiting for each stage that sends something, and for space."""
        named = {("start", 0): NO_WORK_YET}
        for edge in self.program.imports:
            named["values", edge.source] = "input from " + (
                "the host" if edge.source == HOST else f"stage {edge.source}"
            )
        for edge in self.program.exports:
            named["gradients", edge.target] = f"gradient from stage {edge.target}"
        named["space", 0] = f"space in {self.space.name}"
        return {key: self._recorder.cause(text) for key, text in named.items()}

    def _idle_cause(self, action: Action) -> int:
        if self._kinds[action.kind].awaits == "values" and action.micro_batch in self._waited_for_space:
            return self._causes["space", 0]
        return self._cause if self.state.position > 1 else self._causes["start", 0]
