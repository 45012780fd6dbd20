"""A run of the numbers alone: no clock, each stage in its order, any stage that can go on.

A stage's weights are touched by its own actions only, so every order that the schedule allows gives
the same numbers as a run with a clock.
"""

from __future__ import annotations

from collections.abc import Callable

from archsim.analog.observed import Counts
from archsim.engine.observer import Account, Observer
from archsim.engine.program import HOST, edges_between
from archsim.engine.setup import Setup
from archsim.engine.steps import MatrixStep
from archsim.engine.work import Work, do_step
from archsim.errors import Deadlock
from archsim.schedule.actions import Action
from archsim.schedule.pipeline_state import PipelineState

__all__ = ["UntimedMachine"]


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
    state : PipelineState
        What the stages have done.
    updates : dict of str to Counts
        What updates took by matrix.
    """

    __slots__ = (
        "_work",
        "observer",
        "setup",
        "state",
        "updates",
    )

    def __init__(self, setup: Setup, work: Work, observer: Observer) -> None:
        self.setup = setup
        self.observer = observer
        self.state = PipelineState(setup.schedule, edges_between(setup.programs))
        self.updates: dict[str, Counts] = {}
        self._work = work

    @property
    def work(self) -> Work:
        """The numbers."""
        return self._work

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
        stages = self.state.stages
        moved = True
        while moved:
            moved = False
            for stage in stages:
                while (action := stage.start()) is not None:
                    self._do(stage.index, action)
                    moved = True
                    if pause is not None and pause():
                        return all(stage.next is None for stage in stages)
        stuck = [(stage.index, action) for stage in stages if (action := stage.next) is not None]
        if stuck:
            lines = [f"  stage {n} waits to do {action}, for {self.state.missing(n, action)}" for n, action in stuck]
            raise Deadlock("\n".join(["the run cannot finish: stages wait for each other", *lines]))
        return True

    def _do(self, stage: int, action: Action) -> None:
        program, k = self.setup.programs[stage], action.micro_batch
        self._work.begin(stage, action)
        for step in program.actions[action.kind].steps:
            done = do_step(step, stage, action, self._work)
            if isinstance(step, MatrixStep) and isinstance(done, Counts):
                total = self.updates.setdefault(step.matrix, Counts())
                total += done
        sends = self.setup.schedule.kinds[action.kind].sends
        if sends == "values":
            for edge in program.exports:
                self._work.deliver(edge, k)
        elif sends == "gradients":
            for edge in program.imports:
                if edge.source != HOST:
                    self._work.deliver_gradient(edge, k)
        self.state.end(stage, action)
        self.observer.action_ended(stage, action, 0, _no_events, _no_account)


def _no_account() -> Account | None:
    return None


def _no_events() -> int:
    return 0
