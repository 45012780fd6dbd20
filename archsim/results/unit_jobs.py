"""The jobs of units, read from a timeline: which unit worked when and for what, and what it waited for before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archsim.results.observations import Observations
from archsim.results.slices import Slices

__all__ = ["Job", "JobList", "jobs_of"]

#: What is no unit of the chip that layers work on.
_STAGES = ("stage", "stage_engine")


class Job(NamedTuple):
    """A job of a unit.

    Attributes
    ----------
    start_ps, end_ps : int
        When it was served.
    unit : int
        Its unit, by the position in `JobList.units`.
    stage : int
        The stage that it was done for; -1 where that is not known, as for messages.
    layer, action : str
        What it was done for.
    micro_batch : int
        The same; -1 for none.
    number : int
        Which one it is of the jobs of its unit for this layer, action and micro-batch, from 0: on a tile, its chunk.
    cause : str
        What its unit waited for before it; empty where it went from the last job to this one.
    """

    start_ps: int
    end_ps: int
    unit: int
    stage: int
    layer: str
    action: str
    micro_batch: int
    number: int
    cause: str


@dataclass(frozen=True, slots=True)
class JobList:
    """Jobs in the order in which they began.

    Attributes
    ----------
    jobs : sequence of Job
        Those that took time.
    units, components : sequence of str
        Name of each unit, and what it is; empty where it is no part of the chip.
    whole : bool
        Whether all jobs of the run are there.
    """

    jobs: Sequence[Job]
    units: Sequence[str]
    components: Sequence[str]
    whole: bool


def jobs_of(slices: Slices, observations: Observations, most: int) -> JobList:
    """Return the jobs of all units that are no stages.

    Parameters
    ----------
    slices : Slices
        What every unit did.
    observations : Observations
        Names of units and stages.
    most : int
        About so many jobs are returned at most, those that ended first.
    """
    component = {unit.unit: unit.component for unit in observations.units}
    left_out = {*observations.stages, *(name for name, kind in component.items() if kind in _STAGES)}
    number = {name: position for position, name in enumerate(sorted(component))}
    jobs: list[Job] = []
    waits: dict[str, str] = {}
    seen: dict[tuple[str, str, str, int], int] = defaultdict(int)
    until = slices_read = 0
    for part in slices.select():
        if len(jobs) > most:
            break
        slices_read += len(part)
        names = (part[name].astype(object).tolist() for name in ("unit", "layer", "action", "cause"))
        numbers = (part[name].fillna(-1).tolist() for name in ("stage", "micro_batch", "start_ps", "end_ps"))
        for unit, layer, action, cause, stage, micro_batch, start, end in zip(*names, *numbers, strict=True):
            if action:
                until = max(until, end)
            if unit in left_out:
                continue
            if not action:
                waits[unit] = cause
                continue
            waited = waits.pop(unit, "")
            key = (unit, layer, action, micro_batch)
            if end > start:
                at = number.setdefault(unit, len(number))
                jobs.append(Job(start, end, at, stage, layer, action, micro_batch, seen[key], waited))
            seen[key] += 1
    whole = slices_read == slices.count
    if not whole:
        # What ends together with the last one read may stand in the next group.
        jobs = [job for job in jobs if job.end_ps < until]
    if len(jobs) > most:
        last = sorted(job.end_ps for job in jobs)[most - 1]
        jobs, whole = [job for job in jobs if job.end_ps <= last], False
    return JobList(_with_stages(sorted(jobs)), list(number), [component.get(name, "") for name in number], whole)


def _with_stages(jobs: Sequence[Job]) -> list[Job]:
    """Give jobs of units that serve several stages the stage of their layer, where one is known."""
    stages: dict[str, set[int]] = defaultdict(set)
    for job in jobs:
        if job.stage >= 0 and job.layer:
            stages[job.layer].add(job.stage)
    of_layer = {layer: found.pop() for layer, found in stages.items() if len(found) == 1}
    return [job if job.stage >= 0 else job._replace(stage=of_layer.get(job.layer, -1)) for job in jobs]
