"""The control of one stage: it goes through its list of actions.

What they need and change, the stage's state knows, and their steps go their own way; here is what is about time and
causes of waiting. All of it is explicit; nothing lives in a suspended frame.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from archsim.chip.components import NO_WORK_YET, Claimant, Recorder, Timekeeper
from archsim.engine.events.intake import Intake, IntakeOrder
from archsim.engine.events.occupancy import Occupancy
from archsim.engine.events.spaces import Space
from archsim.engine.events.step_runs import StepRun, Turns
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.work import Work
from archsim.schedule.actions import Action, Schedule
from archsim.schedule.state import StageState

__all__ = ["ActionRun", "Neighbours", "Sequencer"]


@dataclass(frozen=True, slots=True)
class ActionRun:
    """What a stage does in the actions of one kind.

    Attributes
    ----------
    first : tuple of StepRun
        The steps that wait for no other.
    ends : int
        How many steps no other waits for: with the last of them the action is done.
    """

    first: tuple[StepRun, ...] = ()
    ends: int = 0


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

    def turn_passed(self, stage: int) -> None:
        """Another stage of a place has begun an action, and now it is the turn of this one."""


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
        The action that began last; there is none before the first.
    place : Occupancy or None
        Told when it acts, where other stages are at its place.
    """

    __slots__ = (
        "_cause",
        "_causes",
        "_departing",
        "_intake",
        "_left",
        "_neighbours",
        "_no_layer",
        "_number",
        "_recorder",
        "_releasing",
        "_runs",
        "_sends",
        "_since",
        "_staying",
        "_taking",
        "_timekeeper",
        "_turns",
        "_under_way",
        "_waited_for",
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
        self._intake = Intake(IntakeOrder(schedule, self.index), space, footprint)
        self.place: Occupancy | None = None
        self.state = state
        #: The kinds of action that take values, and what each kind sends.
        self._taking = {symbol for symbol, kind in schedule.kinds.items() if kind.awaits == "values"}
        self._sends = {symbol: kind.sends for symbol, kind in schedule.kinds.items()}
        self._work = work
        self._timekeeper = timekeeper
        self._recorder = recorder
        self._neighbours = neighbours
        self._number = recorder.unit(f"stage {self.index}", "stage", self.index)
        self._no_layer = recorder.layer("")
        self._runs: dict[str, ActionRun] = {}
        self._turns: tuple[Turns, ...] = ()
        self.action: Action
        #: The actions under way in their order, and how many of its steps that no other waits for each has left.
        self._under_way: deque[Action] = deque()
        self._left: deque[int] = deque()
        self._since = 0
        self._waited_for_space: set[int] = set()
        #: With which kind of action the space of a micro-batch is given back; if its values go on then, with the
        #: last of them to depart, and how many of them still stay.
        self._releasing = schedule.releasing
        self._departing = bool(program.exports) and schedule.kinds[schedule.releasing].sends == "values"
        self._staying: dict[int, int] = {}
        self._causes = self._name_causes()
        #: What the stage waited for if it waits no longer: what arrived last.
        self._cause = self._waited_for = self._causes["start", 0]

    def equip(self, runs: Mapping[str, ActionRun], turns: tuple[Turns, ...]) -> None:
        """Give it the steps of its actions; later than the rest, since steps know their stage.

        Parameters
        ----------
        runs : mapping of str to ActionRun
            What it does in the actions of each kind.
        turns : tuple of Turns
            Its layers, where they need not wait for each other; empty where an action waits for the end of the last.
        """
        self._runs = dict(runs)
        self._turns = turns

    @property
    def busy_since(self) -> int | None:
        """When the slice began in which something is under way now, or None."""
        return self._since if self._under_way else None

    def admit(self, edge: Edge, micro_batch: int, claimant: Claimant) -> None:
        """Let an input in: with the first of a micro-batch the space of all of it is claimed, others find it there."""
        if self.program.claims_with(edge):
            self._intake.claim(micro_batch, claimant)
        else:
            claimant.admitted(False)

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
        """Learn that all of a value has set out, or that the action has ended that sends values.

        Where nothing follows, the last of these gives back the space here.
        """
        if not self._departing:
            return
        left = self._staying.pop(micro_batch, len(self.program.exports) + 1) - 1
        if left:
            self._staying[micro_batch] = left
        else:
            self.space.release(self.footprint)

    def take_turn(self) -> None:
        """Learn that it is its turn at its place; go on if that was what was missing."""
        self._cause = self._causes["turn", 0]
        self.proceed()

    def proceed(self) -> None:
        """Start the next actions, as far as what they need is there and the stage is free for them."""
        state, under_way, place = self.state, self._under_way, self.state.turns
        while not under_way or (self._turns and self._is_free_for(state.next)):
            action = state.start()
            if action is None:
                return
            self._begin(action)
            if place is not None and place.next is not None and place.next != self.index:
                self._neighbours.turn_passed(place.next)

    def step_ended(self, action: Action) -> None:
        """Learn that a step on which no other of its action waits has ended."""
        left = self._left
        left[self._under_way.index(action)] -= 1
        if not left[0]:
            self._end_what_is_done()

    def layer_ended(self, layer: str, action: Action) -> None:
        """Learn that a layer has done its part of an action."""
        self._work.layer_ended(layer, action)

    def _is_free_for(self, action: Action | None) -> bool:
        """Return whether, beside what is under way, an action has a free layer to begin at, or nothing to do."""
        if action is None:
            return False
        first = self._runs[action.kind].first
        return not first or any(step.free for step in first)

    def _begin(self, action: Action) -> None:
        now = self._timekeeper.now
        if not self._under_way and now != self._since:
            self._waited_for = self._idle_cause(action)
            self._since = now
        self.action = action
        if self.place is not None:
            self.place.enter()
        run = self._runs[action.kind]
        self._under_way.append(action)
        self._left.append(run.ends)
        self._work.begin(self.index, action)
        if action.kind in self._taking:
            self._waited_for_space.discard(action.micro_batch)
            self._neighbours.input_taken(self.index)
        for turns in self._turns:
            turns.enter(action)
        for step in run.first:
            step.begin(action)
        if not (run.ends or self._left[0]):
            self._end_what_is_done()

    def _end_what_is_done(self) -> None:
        """End actions in their order, and start others."""
        under_way, left = self._under_way, self._left
        while left and not left[0]:
            left.popleft()
            self._end(under_way.popleft())
        self.proceed()

    def _end(self, action: Action) -> None:
        now = self._timekeeper.now
        # Of several under way, the oldest one stands for what the stage does.
        since, self._since = self._since, now
        self._recorder.busy(self._number, self._no_layer, action.kind, action.micro_batch, since, now, self._waited_for)
        if self.place is not None:
            self.place.leave()
        self.state.end(action)
        sends = self._sends[action.kind]
        if sends == "values":
            self.value_departed(action.micro_batch)
            self._neighbours.send_values(self.index, action.micro_batch)
        elif sends == "gradients":
            self._neighbours.send_gradients(self.index, action.micro_batch)
        if action.kind == self._releasing and not self._departing:
            self.space.release(self.footprint * action.count)
        self._neighbours.action_ended(self.index, action)

    def _name_causes(self) -> dict[tuple[str, int], int]:
        """Return the cause of waiting for each stage that sends something, and for space."""
        named = {("start", 0): NO_WORK_YET}
        for edge in self.program.imports:
            named["values", edge.source] = "input from " + (
                "the host" if edge.source == HOST else f"stage {edge.source}"
            )
        for edge in self.program.exports:
            named["gradients", edge.target] = f"gradient from stage {edge.target}"
        if self.state.turns is not None:
            named["turn", 0] = "its turn at its place"
        named["space", 0] = f"space in {self.space.name}"
        return {key: self._recorder.cause(text) for key, text in named.items()}

    def _idle_cause(self, action: Action) -> int:
        if action.kind in self._taking and action.micro_batch in self._waited_for_space:
            return self._causes["space", 0]
        return self._cause if self.state.position > 1 else self._causes["start", 0]
