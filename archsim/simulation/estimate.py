"""How long a run will take in simulated time, before it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from archsim.engine.observer import Progress
from archsim.simulation.execution import Execution, Start
from archsim.simulation.options import RunOptions
from archsim.simulation.prepared import Prepared, scheduled

__all__ = ["TimeEstimate", "estimate_time"]

_TIMED = 2


@dataclass(frozen=True, slots=True)
class TimeEstimate:
    """The simulated time of a run, continued from its first mini-batches. An estimate: no bound, and no closed form.

    Attributes
    ----------
    timed_ps : tuple of int
        When the first mini-batch is done, and the second, in a timing run of these alone.
    ended_ps : int
        When that run ends: a stage may go on when the mini-batch counts as done.
    mini_batches : int
        Mini-batches of the run.
    """

    timed_ps: tuple[int, ...]
    ended_ps: int
    mini_batches: int

    @property
    def makespan_ps(self) -> int:
        """The time of the mini-batches that were timed, and for each that follows what the last of them added."""
        first, last = self.timed_ps[0], self.timed_ps[-1]
        return self.ended_ps + (self.mini_batches - len(self.timed_ps)) * (last - first)


def estimate_time(prepared: Prepared) -> TimeEstimate | None:
    """Simulate the first two mini-batches without numbers and continue their time linearly.

    What fills a long pipeline, or its memory, after the second mini-batch is not seen; nor is what only the numbers
    decide, such as repeated reads of bound management, for which a timing run takes averages.

    Parameters
    ----------
    prepared : Prepared
        The run, whose length is known.

    Returns
    -------
    TimeEstimate or None
        None for a run without a clock, or without a mini-batch.
    """
    total, experiment = prepared.mini_batches, prepared.experiment
    if not total or experiment.run.mode == "numerics":
        return None
    settings = experiment.run.model_copy(update={"mode": "timing", "timeline": False, "checkpoint_every": None})
    alone = experiment.model_copy(update={"run": settings, "inference": None})
    times: list[int] = []

    def note(now: Progress) -> None:
        times.append(now.time_ps)

    short = scheduled(replace(prepared.layout, experiment=alone), min(total, _TIMED))
    run = Execution(short, None, Start.now(), RunOptions(progress=note)).run()
    return TimeEstimate(tuple(times), run.observations.makespan_ps, total)
