"""The jobs of units as tasks that follow each other: the way back from the end, and what each must wait for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from archsim.explanation import START, TaskGraph
from archsim.results.releases import Release, Releases, Template

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
    """Return what jobs follow: the one before at the unit, the earlier action of the layer, inputs, what released them.

    What gave a job its input in one micro-batch, so that it began at once, it needs in every micro-batch. With
    the durations that were seen, all jobs begin when they did.
    """
    jobs, templates = releases.jobs, releases.templates
    seen = [releases.release(number) for number in range(len(jobs))]
    needs: dict[Template, dict[Template, tuple[int, bool]]] = defaultdict(dict)
    for number, found in enumerate(seen):
        own = needs[templates[number]]
        for giver in releases.inputs(number):
            own[templates[giver]] = (0, False)
        if found.fill or found.kind == "head":
            own.setdefault(templates[found.job], (found.lag_ps, True))
    numbers = {(templates[number], job.micro_batch): number for number, job in enumerate(jobs)}
    turns = _turns(releases)
    before: list[list[tuple[int, int]]] = []
    owners: list[int] = []
    for number, job in enumerate(jobs):
        found = seen[number]
        follows = {found.job: (found.lag_ps, found.fill or found.kind == "head")}
        if releases.previous[number] != START:
            follows.setdefault(releases.previous[number], (0, False))
        for earlier in turns.get(number, ()):
            if jobs[earlier].end_ps <= job.start_ps:
                follows.setdefault(earlier, (0, False))
        for template, need in needs[templates[number]].items():
            giver = numbers.get((template, job.micro_batch), START)
            if giver != START and giver < number and jobs[giver].end_ps + need[0] <= job.start_ps:
                follows.setdefault(giver, need)
        before.append([(task, lag) for task, (lag, _) in follows.items()])
        owners += [task if of_unit else START for task, (_, of_unit) in follows.items()]
    return JobGraph(TaskGraph([job.end_ps - job.start_ps for job in jobs], before), owners)


def _turns(releases: Releases) -> dict[int, list[int]]:
    """Return for the first job of each unit in an action of a layer the last ones in the action that it did before."""
    found: dict[int, list[int]] = {}
    acting: dict[tuple[int, str], tuple[str, int]] = {}
    last: dict[tuple[int, str], dict[int, int]] = defaultdict(dict)
    before: dict[tuple[int, str], list[int]] = defaultdict(list)
    for number, job in enumerate(releases.jobs):
        layer, action = (job.stage, job.layer), (job.action, job.micro_batch)
        if job.stage < 0 or not job.layer or job.unit in releases.links:
            continue
        if acting.get(layer) != action:
            before[layer], last[layer] = list(last[layer].values()), {}
            acting[layer] = action
        if job.unit not in last[layer]:
            found[number] = before[layer]
        last[layer][job.unit] = number
    return found
