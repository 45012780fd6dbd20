"""Watches a run: the learning curve, and progress for a person who waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from archsim.engine.work import Work
from archsim.results.learning import LearningCurve
from archsim.results.tally import Tally
from archsim.schedule.actions import Action, Schedule
from archsim.training import StopAt

__all__ = ["Account", "Observer", "Progress"]

#: Energy in picojoules, and the counts that it was computed from.
Account = tuple[float, Tally]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes
    ----------
    done, total : int
        Mini-batches.
    time_ps : int
        Simulated time.
    events : int
        Events so far.
    """

    done: int
    total: int
    time_ps: int
    events: int


class Observer:
    """Told of every ended action.

    Parameters
    ----------
    work : Work
        The numbers, whose evaluations are recorded.
    schedule : Schedule
        What the stages do, and with which action a micro-batch is done.
    samples : int
        Samples of a micro-batch.
    progress : callable, optional
        Called with a `Progress` after each mini-batch.
    target : StopAt, optional
        Where the run is to stop.

    Attributes
    ----------
    curve : LearningCurve
        The evaluations so far.
    updated : int
        Mini-batches that are done.
    reached : bool
        Whether an evaluation has come to the target.
    """

    __slots__ = (
        "_completion",
        "_mini_batch",
        "_shape",
        "_work",
        "curve",
        "progress",
        "reached",
        "target",
        "updated",
    )

    def __init__(
        self,
        work: Work,
        schedule: Schedule,
        samples: int,
        progress: Callable[[Progress], None] | None,
        target: StopAt | None = None,
    ) -> None:
        self.curve = LearningCurve()
        self.updated = 0
        self.target = target
        self.reached = False
        self._work = work
        self._shape = schedule.shape
        self._mini_batch = samples * schedule.shape.micro_batches
        self.progress = progress
        self._completion = schedule.completion

    def restored(self) -> None:
        """Tell nobody of progress, and stop nowhere, until somebody asks for it again."""
        self.progress = self.target = None

    def action_ended(
        self, stage: int, action: Action, time_ps: int, events: Callable[[], int], account: Callable[[], Account | None]
    ) -> None:
        """Record what an ended action completes.

        Parameters
        ----------
        stage : int
            The stage.
        action : Action
            What it did.
        time_ps : int
            Simulated time (0 without a clock).
        events, account : callable
            Return events so far, and energy and counts so far, None without a clock; asked only when somebody is told
            of progress, or an evaluation is recorded.
        """
        for point in self._work.finish(stage, action):
            samples = point.mini_batch * self._mini_batch
            energy_pj, tally = account() or (None, None)
            when = None if tally is None else time_ps
            at = point.mini_batch, samples, when, energy_pj, point.train_loss, point.score
            self.curve.add(*at, tally, point.updates, point.pulses)
            if self.target is not None and self.target.reached(point.score.accuracy, point.score.perplexity):
                self.reached = True
        if stage == self._completion[0] and action.kind == self._completion[1]:
            done, rest = divmod(action.micro_batch + 1, self._shape.micro_batches)
            if not rest:
                self.updated = done
                if self.progress is not None:
                    self.progress(Progress(done, self._shape.mini_batches, time_ps, events()))
