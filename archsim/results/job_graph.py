"""The jobs of units as tasks that follow each other: the way back from the end, and what each must wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from archsim.explanation import START, TaskGraph
from archsim.results.releases import Release, Releases, Template
from archsim.results.unit_jobs import JobList

__all__ = ["JobGraph", "job_graph", "path_of_jobs"]


@dataclass(frozen=True, slots=True)
class JobGraph:
    """Jobs, each behind all that it was seen to wait for.

    Attributes
    ----------
    graph : TaskGraph
        How long each job took, and what it followed.
    owners : sequence of int
        For each lag of the graph, in its order, the job on whose unit it was spent, or `START`.
    """

    graph: TaskGraph
    owners: Sequence[int]


def path_of_jobs(releases: Releases) -> list[tuple[int, Release]]:
    """Return the jobs that decide the end, from the first, each with what it waited for last.

    Of the jobs that end last, the path ends with the longest, then with the first by unit.
    """
    jobs = releases.jobs
    if not jobs:
        return []
    number = min(range(len(jobs)), key=lambda i: (-jobs[i].end_ps, jobs[i].start_ps, jobs[i].unit))
    path = []
    while number != START:
        found = releases.release(number)
        path.append((number, found))
        number = found.job
    return path[::-1]


def job_graph(releases: Releases) -> JobGraph:
    """Return what jobs follow: the one before at the unit, what each waited for last, and inputs.

    What gave a job its input, so that it began at once, in one micro-batch, it needs in every micro-batch. With
    the durations that were seen, all jobs begin when they did.
    """
    jobs = releases.jobs
    seen = [releases.release(number) for number in range(len(jobs))]
    needs: dict[Template, dict[Template, tuple[int, bool]]] = defaultdict(dict)
    for number, found in enumerate(seen):
        own = needs[releases.template(number)]
        for giver in releases.inputs(number):
            own[releases.template(giver)] = (0, False)
        if found.fill or found.kind == "head":
            own.setdefault(releases.template(found.job), (found.lag_ps, True))
    numbers = {(releases.template(number), job.micro_batch): number for number, job in enumerate(jobs)}
    before: list[list[tuple[int, int]]] = []
    owners: list[int] = []
    for number, job in enumerate(jobs):
        found = seen[number]
        own = {found.job: (found.lag_ps, found.fill or found.kind == "head")}
        if releases.previous[number] != START:
            own.setdefault(releases.previous[number], (0, False))
        for template, need in needs[releases.template(number)].items():
            giver = numbers.get((template, job.micro_batch), START)
            if giver != START and jobs[giver].end_ps + need[0] <= job.start_ps and giver < number:
                own.setdefault(giver, need)
        before.append([(task, lag) for task, (lag, _) in own.items()])
        owners += [task if of_unit else START for task, (_, of_unit) in own.items()]
    return JobGraph(TaskGraph([job.end_ps - job.start_ps for job in jobs], before), owners)
