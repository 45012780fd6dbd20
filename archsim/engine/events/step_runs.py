"""Runs the steps of a stage's actions: each as soon as its inputs are there and its layers are free, chunk by chunk.

A step is a group of tasks that work on the same data side by side: the parts of a matrix and the traffic at the
buffer's port, for instance. Whoever needs what it gives waits for all of them, so dependencies are kept between steps.
All state is explicit: what has arrived, what was asked for, what is left to do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from archsim.engine.chunks import Chunks
from archsim.engine.events.tasks import Task
from archsim.schedule.actions import Action

__all__ = ["ChunkSource", "Stage", "StepRun", "StreamedStepRun", "Turns"]


class Stage(Protocol):
    """What steps tell their stage."""

    index: int

    def step_ended(self, action: Action) -> None:
        """Learn that a step on which no other of its action waits has ended."""

    def layer_ended(self, layer: str, action: Action) -> None:
        """Learn that a layer has done its part of an action."""

    def proceed(self) -> None:
        """Start the actions that can be started."""


class SideBySide(Protocol):
    """Parts of one matrix that may be computed side by side."""

    def prepare(self, stage: int, action: Action) -> None:
        """Announce the parts whose tiles are free, and will therefore be granted now."""


class ChunkSource(Protocol):
    """Where chunks come in that other stages make."""

    def there(self, micro_batch: int) -> int:
        """Return how many chunks of a micro-batch have come."""

    def used(self, micro_batch: int) -> None:
        """Learn that a step needs no more of a micro-batch."""


class Turns:
    """Whose turn it is at a layer: the actions of its stage in their order, each until its last step there has ended.

    Parameters
    ----------
    stage : Stage
        Told of every end.
    layer : str
        Name of the layer.
    steps : mapping of str to int
        How many steps each kind of action has there.
    cause : int
        What units wait for while an earlier action is not done.
    """

    __slots__ = ("_actions", "_left", "_stage", "_steps", "_waiting", "cause", "layer")

    def __init__(self, stage: Stage, layer: str, steps: Mapping[str, int], cause: int) -> None:
        self.layer = layer
        self.cause = cause
        self._stage = stage
        self._steps = dict(steps)
        self._actions: deque[Action] = deque()
        self._left = 0
        self._waiting: list[StreamedStepRun] = []

    @property
    def free(self) -> bool:
        """Whether all actions that were entered are done."""
        return not self._actions

    def enter(self, action: Action) -> None:
        """Let an action come after those before it; one without steps here is done when its turn comes."""
        self._actions.append(action)
        if len(self._actions) == 1:
            self._left = self._steps[action.kind]
            self._pass_on()

    def serves(self, action: Action) -> bool:
        """Return whether it is an action's turn."""
        return self._actions[0] == action

    def wait(self, step: StreamedStepRun) -> None:
        """Tell a step when the turn passes on."""
        if step not in self._waiting:
            self._waiting.append(step)

    def step_ended(self) -> None:
        """Learn that a step of the action whose turn it is has ended."""
        self._left -= 1
        if self._left:
            return
        self._pass_on()
        waiting, self._waiting = self._waiting, []
        for step in waiting:
            step.proceed(self.cause)
        if not self._actions:
            self._stage.proceed()

    def _pass_on(self) -> None:
        actions = self._actions
        while actions and not self._left:
            self._stage.layer_ended(self.layer, actions.popleft())
            if actions:
                self._left = self._steps[actions[0].kind]


class StepRun:
    """A step of the actions of one kind at one stage; what it keeps is used again for every action.

    This one does its block as a whole, at a stage that does one action after the other.

    Parameters
    ----------
    stage : Stage
        The stage.
    chunks : Chunks
        How its block is cut.
    inputs : int
        How many steps it waits for.
    cause : int
        What its units were waiting for.

    Attributes
    ----------
    action : Action
        The action that it is doing, or did last; there is none before the first.
    tasks : tuple of Task
        What is asked for at once; a chunk is done with the last of them.
    grid : SideBySide or None
        Parts of one matrix that may be computed side by side.
    followers : list of (StepRun, int)
        The steps that need its output, and which of their inputs that is.
    last : int
        Number of the last chunk.
    """

    __slots__ = (
        "_cause",
        "_inputs",
        "_left",
        "_missing",
        "_stage",
        "action",
        "chunks",
        "followers",
        "grid",
        "index",
        "last",
        "tasks",
    )

    def __init__(self, stage: Stage, chunks: Chunks, inputs: int, cause: int) -> None:
        self.index = stage.index
        self.chunks = chunks
        self.last = chunks.count - 1
        self.action: Action
        self.tasks: tuple[Task, ...] = ()
        self.grid: SideBySide | None = None
        self.followers: list[tuple[StepRun, int]] = []
        self._stage = stage
        self._cause = cause
        self._inputs = inputs
        #: Inputs that have yet to come, and tasks that are not done.
        self._missing = inputs
        self._left = 0

    @property
    def free(self) -> bool:
        """Whether an action that starts now need not wait for its turn."""
        return True

    def begin(self, action: Action) -> None:
        """Do an action."""
        self.action = action
        tasks, cause = self.tasks, self._cause
        self._left = len(tasks)
        if self.grid is not None:
            self.grid.prepare(self.index, action)
        for task in tasks:
            task.request(cause)

    def arrived(self, which: int, chunk: int, action: Action) -> None:
        """Take a chunk of an input; do the action after the last."""
        self._missing -= 1
        if not self._missing:
            self._missing = self._inputs
            self.begin(action)

    def task_done(self, chunk: int) -> None:
        """Learn that a task has done a chunk."""
        self._left -= 1
        if self._left:
            return
        if not self.followers:
            self._stage.step_ended(self.action)
            return
        action = self.action
        for follower, which in self.followers:
            follower.arrived(which, 0, action)


class StreamedStepRun(StepRun):
    """A step whose block is cut into chunks, or whose layers do their parts of several actions at a time.

    Parameters
    ----------
    stage, chunks, cause
        As of `StepRun`.
    needs : tuple of tuple of int
        For each step that it waits for: for each chunk, how many chunks of that step must be done.
    turns : tuple of Turns
        The layers that it works for, where one layer need not wait for the others.
    sources : sequence of (ChunkSource, tuple of int), optional
        Where chunks of other stages come in: for each chunk, how many of them must be there.
    """

    __slots__ = ("_actions", "_arrived", "_asked", "_needs", "_sources", "_tasks_left", "_turns")

    def __init__(
        self,
        stage: Stage,
        chunks: Chunks,
        needs: tuple[tuple[int, ...], ...],
        turns: tuple[Turns, ...],
        cause: int,
        sources: Sequence[tuple[ChunkSource, tuple[int, ...]]] = (),
    ) -> None:
        super().__init__(stage, chunks, len(needs), cause)
        self._needs = needs
        self._sources = tuple(sources)
        self._turns = turns
        #: The actions whose first inputs have come, and chunks of each input that are not used up.
        self._actions: deque[Action] = deque()
        self._arrived = [0] * len(needs)
        #: Chunks of the action that were asked for, and tasks of each chunk that are not done.
        self._asked = 0
        self._tasks_left = [0] * chunks.count

    @property
    def free(self) -> bool:
        """Whether an action that starts now need not wait for its turn."""
        return all(turns.free for turns in self._turns)

    def begin(self, action: Action) -> None:
        """Do an action; it needs no other step."""
        self._actions.append(action)
        self.proceed(self._cause)

    def arrived(self, which: int, chunk: int, action: Action) -> None:
        """Take a chunk of an input."""
        self._arrived[which] += 1
        if not (which or chunk):
            self._actions.append(action)
        self.proceed(self._cause)

    def proceed(self, cause: int) -> None:
        """Ask for the chunks whose inputs are there; `cause` says what their units were waiting for."""
        while self._asked <= self.last and self._has_inputs(self._asked):
            if not self._asked and not self._takes_turn():
                return
            self._ask(cause)
        if self._turns and self._asked > self.last and self._has_inputs(0):
            # Whoever is ready first at a layer is served first, though it still does its part of an earlier action.
            self._turns[0].wait(self)

    def task_done(self, chunk: int) -> None:
        """Learn that a task has done a chunk."""
        left = self._tasks_left
        left[chunk] -= 1
        if left[chunk]:
            return
        action, ends = self.action, chunk == self.last
        if ends:
            self._asked = 0
        for follower, which in self.followers:
            follower.arrived(which, chunk, action)
        if ends:
            self._end(action)

    def _end(self, action: Action) -> None:
        if not self.followers:
            self._stage.step_ended(action)
        for turns in self._turns:
            turns.step_ended()
        if self._actions:
            self.proceed(self._cause)

    def _has_inputs(self, chunk: int) -> bool:
        if not (chunk or self._actions):
            return False
        if not all(have >= needed[chunk] for have, needed in zip(self._arrived, self._needs, strict=True)):
            return False
        if not self._sources:
            return True
        micro_batch = (self.action if chunk else self._actions[0]).micro_batch
        return all(source.there(micro_batch) >= needed[chunk] for source, needed in self._sources)

    def _takes_turn(self) -> bool:
        action = self._actions[0]
        for turns in self._turns:
            if not turns.serves(action):
                turns.wait(self)
                return False
        self.action = self._actions.popleft()
        return True

    def _ask(self, cause: int) -> None:
        chunk = self._asked
        self._asked = chunk + 1
        tasks = self.tasks
        self._tasks_left[chunk] = len(tasks)
        if chunk == self.last:
            # Its inputs are used up; those of the next action may have come already.
            for which, needed in enumerate(self._needs):
                self._arrived[which] -= needed[-1]
            for source, _ in self._sources:
                source.used(self.action.micro_batch)
        if self.grid is not None and not chunk:
            self.grid.prepare(self.index, self.action)
        for task in tasks:
            task.request(cause)
