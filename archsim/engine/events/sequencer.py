"""The control of one stage: it goes through its list of actions, one after another.

All state is explicit (position in the list, step, tasks outstanding); nothing lives in a suspended
frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from archsim.chip.components import NO_WORK_YET, BufferSpace, Recorder, Timekeeper
from archsim.engine.events.tasks import Grid, Task
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.work import Work
from archsim.schedule.actions import Action, Schedule

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

    def forward_started(self, stage: int) -> None:
        """A forward has started, so that an input left the queue before it."""

    def send_values(self, stage: int, micro_batch: int) -> None:
        """A forward has ended: hand its values on."""

    def send_gradients(self, stage: int, micro_batch: int) -> None:
        """A backward has ended: hand its gradients back."""

    def action_ended(self, stage: int, action: Action) -> None:
        """An action has ended and its numbers are final."""


class Sequencer:
    """One stage.

    Parameters
    ----------
    program : StageProgram
        What crosses its borders.
    schedule : Schedule
        What it does, action after action.
    work : Work
        The numbers.
    space : BufferSpace
        Space for what it stores; ``footprint`` bytes a micro-batch.
    timekeeper, recorder
        The event kernel and who is told of busy and idle slices.
    neighbours : Neighbours
        The rest of the machine.

    Attributes
    ----------
    action : Action
        The action that the stage is doing, or did last; there is none before the first.
    in_flight, in_flight_max : int
        Micro-batches between the start of F and the end of B.
    updates, staleness_sum, backwards : int
        Updates done; sum over backwards of the updates since the same micro-batch's forward.
    """

    __slots__ = (
        "_actions",
        "_causes",
        "_free_since",
        "_gradients",
        "_inputs",
        "_neighbours",
        "_no_layer",
        "_number",
        "_outstanding",
        "_recorder",
        "_releasing",
        "_running",
        "_schedule",
        "_since",
        "_staying",
        "_step",
        "_steps",
        "_tasks",
        "_timekeeper",
        "_version_at_forward",
        "_waited_for_space",
        "_work",
        "action",
        "backwards",
        "footprint",
        "in_flight",
        "in_flight_max",
        "index",
        "next",
        "position",
        "program",
        "space",
        "staleness_sum",
        "updates",
    )

    def __init__(
        self,
        program: StageProgram,
        schedule: Schedule,
        work: Work,
        space: BufferSpace,
        footprint: int,
        timekeeper: Timekeeper,
        recorder: Recorder,
        neighbours: Neighbours,
    ) -> None:
        self.index = program.index
        self.program = program
        self.space = space
        self.footprint = footprint
        self.in_flight = self.in_flight_max = 0
        self.updates = self.staleness_sum = self.backwards = 0
        self.position = 0
        self._schedule = schedule
        self._actions = schedule.stage(self.index)
        self.next = next(self._actions, None)
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
        self._inputs: dict[int, int] = {}
        self._gradients: dict[int, int] = {}
        self._waited_for_space: set[int] = set()
        self._version_at_forward: dict[int, int] = {}
        #: With which kind of action the space of a micro-batch is given back, and how many of its values still stay.
        self._releasing = schedule.actions[-1]
        self._staying: dict[int, int] = {}
        self._causes = self._name_causes()

    def equip(self, tasks: dict[str, StageTasks]) -> None:
        """Give it the steps of F, B and U; later than the rest, since tasks know their stage."""
        self._tasks = tasks

    def restored(self) -> None:
        """Wind the actions on to the position, which is all that is stored of them."""
        self._actions = islice(self._schedule.stage(self.index), self.position + 1, None)

    @property
    def busy_since(self) -> int | None:
        """When the running action started, or None."""
        return self._since if self._running else None

    def input_arrived(self, edge: Edge, micro_batch: int, waited_for_space: bool) -> None:
        """Take an input; go on if that was what was missing."""
        self._inputs[micro_batch] = self._inputs.get(micro_batch, 0) + 1
        if waited_for_space:
            self._waited_for_space.add(micro_batch)
        self.proceed()

    def gradient_arrived(self, edge: Edge, micro_batch: int) -> None:
        """Take a gradient; go on if that was what was missing."""
        self._gradients[micro_batch] = self._gradients.get(micro_batch, 0) + 1
        self.proceed()

    def value_departed(self, micro_batch: int) -> None:
        """Learn that a value has space at its target; where no B comes, the last one gives back the space here."""
        if self._releasing != "F":
            return
        left = self._staying.pop(micro_batch, len(self.program.exports)) - 1
        if left:
            self._staying[micro_batch] = left
        else:
            self.space.release(self.footprint)

    def proceed(self) -> None:
        """Start the next action if the stage is free and what it needs is there."""
        action = self.next
        if self._running or action is None or self._waits(action):
            return
        self.next = next(self._actions, None)
        self.position += 1
        self._begin(action)

    def missing(self, action: Action) -> str:
        """Return what an action waits for; empty if nothing."""
        if not self._waits(action):
            return ""
        if action.kind == "F":
            source = self.program.imports[0].source
            return f"input {action.micro_batch} from " + ("the host" if source == HOST else f"stage {source}")
        return f"gradient {action.micro_batch} from stage {self.program.exports[0].target}"

    def task_done(self) -> None:
        """Learn that a task of the current step is done."""
        self._outstanding -= 1
        if not self._outstanding:
            self._step += 1
            self._run_step()

    def _waits(self, action: Action) -> bool:
        if action.kind == "F":
            return self._inputs.get(action.micro_batch, 0) < len(self.program.imports)
        return action.kind == "B" and self._gradients.get(action.micro_batch, 0) < len(self.program.exports)

    def _begin(self, action: Action) -> None:
        now = self._timekeeper.now
        self._recorder.idle(self._number, self._free_since, now, self._idle_cause(action))
        self.action = action
        self._running = True
        self._since = now
        k = action.micro_batch
        if action.kind == "F":
            del self._inputs[k]
            if self._releasing != "F":
                self._version_at_forward[k] = self.updates
            self.in_flight += 1
            self.in_flight_max = max(self.in_flight_max, self.in_flight)
        elif action.kind == "B":
            self._gradients.pop(k, None)
            self.staleness_sum += self.updates - self._version_at_forward.pop(k)
            self.backwards += 1
        self._work.begin(self.index, action)
        if action.kind == "F":
            self._neighbours.forward_started(self.index)
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
        if action.kind == "F":
            self.in_flight -= self._releasing == "F"
            self._neighbours.send_values(self.index, action.micro_batch)
        elif action.kind == "B":
            self.in_flight -= 1
            self._neighbours.send_gradients(self.index, action.micro_batch)
        else:
            self.updates += 1
        if action.kind == self._releasing and not (action.kind == "F" and self.program.exports):
            self.space.release(self.footprint * action.count)
        self._neighbours.action_ended(self.index, action)
        self.proceed()

    def _name_causes(self) -> dict[str, int]:
        imports, exports = self.program.imports, self.program.exports
        source = imports[0].source if imports else HOST
        giver = "the host" if source == HOST else f"stage {source}"
        return {
            "none": self._recorder.cause(NO_WORK_YET),
            "F": self._recorder.cause(f"input from {giver}"),
            "B": self._recorder.cause(f"gradient from stage {exports[0].target}" if exports else "its own forward"),
            "U": self._recorder.cause("its own backward"),
            "space": self._recorder.cause(f"space in {self.space.name}"),
        }

    def _idle_cause(self, action: Action) -> int:
        k = action.micro_batch
        if action.kind == "F" and k in self._waited_for_space:
            self._waited_for_space.remove(k)
            return self._causes["space"]
        if not self._free_since and not self.position - 1:
            return self._causes["none"]
        return self._causes[action.kind]
