"""A run of the numbers alone: no clock, each stage in its order, any stage that can go on.

A stage's weights are touched by its own actions only, so every order that the schedule allows gives
the same numbers as a run with a clock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import islice

from archsim.analog.observed import Counts
from archsim.engine.observer import Account, Observer
from archsim.engine.program import HOST, MatrixStep, StageProgram
from archsim.engine.setup import Setup
from archsim.engine.work import Work, do_step
from archsim.errors import Deadlock
from archsim.schedule.actions import Action, Schedule

__all__ = ["UntimedMachine", "UntimedStage"]


class UntimedStage:
    """Where a stage stands in its list, and what it has been given.

    Attributes
    ----------
    in_flight_max, updates, staleness_sum : int
        As for a stage with a clock.
    """

    __slots__ = (
        "_actions",
        "_in_flight",
        "_needed",
        "_schedule",
        "gradients",
        "in_flight_max",
        "inputs",
        "next",
        "position",
        "program",
        "staleness_sum",
        "updates",
    )

    def __init__(self, program: StageProgram, schedule: Schedule) -> None:
        self.program = program
        self.next: Action | None
        self.inputs: dict[int, int] = defaultdict(int)
        self.gradients: dict[int, int] = defaultdict(int)
        self.in_flight_max = self.updates = self.staleness_sum = 0
        self._schedule = schedule
        self.position = 0
        self._needed = sum(edge.source != HOST for edge in program.imports)
        self._in_flight: dict[int, int] = {}
        self._wind()

    def restored(self) -> None:
        """Wind the actions on to the position, which is all that is stored of them."""
        self._wind()

    def ready(self, action: Action) -> bool:
        """Return whether what an action needs is there."""
        if action.kind == "F":
            return self.inputs[action.micro_batch] == self._needed
        if action.kind == "B":
            return self.gradients[action.micro_batch] == len(self.program.exports)
        return True

    def note(self, action: Action) -> None:
        """Count the action that is done now, and turn to the next."""
        k = action.micro_batch
        if action.kind == "F":
            self.inputs.pop(k, None)
            self._in_flight[k] = self.updates
            self.in_flight_max = max(self.in_flight_max, len(self._in_flight))
            if self._schedule.actions[-1] == "F":
                del self._in_flight[k]
        elif action.kind == "B":
            self.gradients.pop(k, None)
            self.staleness_sum += self.updates - self._in_flight.pop(k)
        else:
            self.updates += 1
        self.position += 1
        self.next = next(self._actions, None)

    def _wind(self) -> None:
        self._actions = islice(self._schedule.stage(self.program.index), self.position, None)
        self.next = next(self._actions, None)


class UntimedMachine:
    """All stages of a schedule without a clock.

    Parameters
    ----------
    setup : Setup
        What is computed, in which order.
    work : Work
        The numbers.
    observer : Observer
        Told of every ended action.

    Attributes
    ----------
    updates : dict of str to Counts
        What updates took by matrix.
    done : Counter of (int, str)
        Micro-batches by stage and kind of action.
    """

    __slots__ = (
        "_work",
        "done",
        "observer",
        "setup",
        "stages",
        "updates",
    )

    def __init__(self, setup: Setup, work: Work, observer: Observer) -> None:
        self.setup = setup
        self.observer = observer
        self.stages = [UntimedStage(program, setup.schedule) for program in setup.programs]
        self.updates: dict[str, Counts] = {}
        self.done: Counter[tuple[int, str]] = Counter()
        self._work = work

    def run(self, pause: Callable[[], bool] | None = None) -> bool:
        """Run to the end, or until it is asked to pause between two actions.

        Parameters
        ----------
        pause : callable, optional
            Asked after every action.

        Returns
        -------
        bool
            Whether the run has come to its end.

        Raises
        ------
        Deadlock
            If stages wait for each other.
        """
        moved = True
        while moved:
            moved = False
            for stage in self.stages:
                while (action := stage.next) is not None and stage.ready(action):
                    self._do(stage, action)
                    moved = True
                    if pause is not None and pause():
                        return all(stage.next is None for stage in self.stages)
        stuck = [stage for stage in self.stages if stage.next is not None]
        if stuck:
            lines = [f"  stage {stage.program.index} waits to do {stage.next}" for stage in stuck]
            raise Deadlock("\n".join(["the run cannot finish: stages wait for each other", *lines]))
        return True

    def _do(self, stage: UntimedStage, action: Action) -> None:
        program = stage.program
        self._work.begin(program.index, action)
        for step in program.steps(action.kind):
            done = do_step(step, program.index, action, self._work)
            if isinstance(step, MatrixStep) and isinstance(done, Counts):
                total = self.updates.setdefault(step.matrix, Counts())
                total += done
        if action.kind == "F":
            for edge in program.exports:
                self._work.deliver(edge, action.micro_batch)
                self.stages[edge.target].inputs[action.micro_batch] += 1
        elif action.kind == "B":
            for edge in program.imports:
                if edge.source != HOST:
                    self._work.deliver_gradient(edge, action.micro_batch)
                    self.stages[edge.source].gradients[action.micro_batch] += 1
        stage.note(action)
        self.done[program.index, action.kind] += action.count
        self.observer.action_ended(program.index, action, 0, 0, _no_account)


def _no_account() -> Account | None:
    return None
