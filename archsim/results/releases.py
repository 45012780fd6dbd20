"""What let each job of a unit begin: the job that ended then, found in the timeline by a fixed rule."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from archsim.explanation import START
from archsim.results.unit_jobs import Job, JobList

__all__ = ["Release", "Releases", "Template"]

#: A job without its micro-batch: what is done anew for every micro-batch.
Template = tuple[int, str, str, int]

_FROM_TILE, _EARLIER = "input from tile ", "earlier work of "


class Release(NamedTuple):
    """What a job waited for last.

    Attributes
    ----------
    job : int
        Its position, or `START`.
    kind : str
        ``input`` (what it needs was made), ``unit`` (its unit was free), ``head`` (its message came from the link
        before), ``layer`` (its layer had done an earlier action), ``stage`` (another action of its stage went on) or
        ``other`` (any other job, as where space was given back); empty for the beginning.
    lag_ps : int
        From the end of that job to the begin of this one; negative where the head of a message went on before.
    fill : bool
        Whether the lag is time of that job's unit, on which what it had served was still on its way out.
    """

    job: int
    kind: str
    lag_ps: int = 0
    fill: bool = False


class Releases:
    """Finds for jobs what they waited for.

    A job P may have given what a job J needs if both are of one micro-batch; if the layer of P, or within other
    actions the action of P, began no later than that of J there; and if in no micro-batch P ended after J had begun.

    Parameters
    ----------
    found : JobList
        The jobs.
    """

    def __init__(self, found: JobList) -> None:
        self.jobs = found.jobs
        self.links = {number for number, kind in enumerate(found.components) if kind == "link"}
        self._tiles = {number for number, kind in enumerate(found.components) if kind == "tile"}
        self._numbers = {name: number for number, name in enumerate(found.units)}
        self._ending: dict[int, list[int]] = defaultdict(list)
        self._together: dict[tuple[str, int], list[int]] = defaultdict(list)
        self._began: dict[tuple[str, int, str], int] = {}
        self._action_began: dict[tuple[str, int], int] = {}
        self._times: dict[Template, dict[int, tuple[int, int]]] = defaultdict(dict)
        self._possible: dict[tuple[Template, Template], bool] = {}
        #: For each job, what it is without its micro-batch, and the one before it at its unit.
        self.templates = [(job.unit, job.layer, job.action, job.number) for job in self.jobs]
        self.previous: list[int] = []
        self._inputs: dict[int, list[int]] = {}
        self._next: dict[int, int] = {}
        last: dict[int, int] = {}
        for number, job in enumerate(self.jobs):
            before = last.get(job.unit, START)
            self.previous.append(before)
            if before != START:
                self._next[before] = number
            last[job.unit] = number
            self._ending[job.end_ps].append(number)
            self._began.setdefault((job.action, job.micro_batch, job.layer), job.start_ps)
            self._action_began.setdefault((job.action, job.micro_batch), job.start_ps)
            self._times[self.templates[number]][job.micro_batch] = (job.start_ps, job.end_ps)
            self._together[job.action, job.micro_batch].append(number)
        for numbers in self._together.values():
            numbers.sort(key=lambda number: self.jobs[number].end_ps)
        self._ends = sorted(self._ending)
        self._longest_hop = max((job.end_ps - job.start_ps for job in self.jobs if job.unit in self.links), default=0)

    def inputs(self, number: int) -> list[int]:
        """Return the jobs that ended at the begin of a job and may have given what it needs, the likeliest first.

        That is: those of other units first, then those of the same action, then the longest, then the first by unit.
        """
        if number not in self._inputs:
            ending = self._ending_by_rank(self.jobs[number])
            self._inputs[number] = [other for other in ending if self.may_give(other, number)]
        return self._inputs[number]

    def may_give(self, giver: int, taker: int) -> bool:
        """Return whether a job may have given what another one of the same micro-batch needs."""
        one, other = self.jobs[giver], self.jobs[taker]
        if one.micro_batch != other.micro_batch or one.micro_batch < 0:
            return False
        if one.action == other.action:
            key = (one.action, one.micro_batch)
            if self._began[*key, one.layer] > self._began[*key, other.layer]:
                return False
        elif self._action_began[one.action, one.micro_batch] > self._action_began[other.action, other.micro_batch]:
            return False
        return self._never_refuted(self.templates[giver], self.templates[taker])

    def release(self, number: int) -> Release:
        """Return what a job waited for last.

        Of a message, the link before, where it was under way then. Else of what ended at its begin: an input, else its
        unit, its layer, its stage, or any other. Where nothing ended then, the last job of the same action and
        micro-batch that may have given what it needs, or the last one of all.
        """
        job = self.jobs[number]
        if (head := self._head(number)) is not None:
            return head
        given = self.inputs(number)
        if given:
            same_unit = self.jobs[given[0]].unit == job.unit
            return Release(given[0], "unit" if same_unit else "input")
        previous = self.previous[number]
        if previous != START and self.jobs[previous].end_ps == job.start_ps:
            return Release(previous, "unit")
        return (
            self._filling(number, self._named_tiles(job.cause))
            or self._related(job)
            or self._filling(number, self._tiles)
            or next((Release(other, "other") for other in self._ending_by_rank(job)), None)
            or self._long_before(number)
        )

    def _ending_by_rank(self, job: Job) -> list[int]:
        def rank(number: int) -> tuple[bool, bool, int, int, int]:
            other = self.jobs[number]
            return other.unit == job.unit, other.action != job.action, other.start_ps, other.unit, number

        return sorted(self._ending.get(job.start_ps, ()), key=rank)

    def _related(self, job: Job) -> Release | None:
        """Return the layer, the action or the stage for which something else ended."""
        ending = self._ending_by_rank(job)
        layer = job.cause.removeprefix(_EARLIER) if job.cause.startswith(_EARLIER) else job.layer
        for number in ending:
            if (self.jobs[number].layer, self.jobs[number].stage) == (layer, job.stage):
                return Release(number, "layer")
        for number in ending:
            # What goes back to the beginning of the network within an action, as a generated token does.
            if (self.jobs[number].action, self.jobs[number].micro_batch) == (job.action, job.micro_batch):
                return Release(number, "input")
        return next((Release(number, "stage") for number in ending if self.jobs[number].stage == job.stage), None)

    def _head(self, number: int) -> Release | None:
        """Return the message on the link before, whose head went on while the link still held the rest."""
        job = self.jobs[number]
        if job.unit not in self.links:
            return None
        for other in range(number - 1, -1, -1):
            before = self.jobs[other]
            if before.start_ps <= job.start_ps - self._longest_hop:
                return None
            if before[4:8] == job[4:8] and before.unit in self.links and before.start_ps < job.start_ps < before.end_ps:
                return Release(other, "head", job.start_ps - before.end_ps)
        return None

    def _named_tiles(self, cause: str) -> set[int]:
        names = cause.removeprefix(_FROM_TILE).split(" or ") if cause.startswith(_FROM_TILE) else ()
        return {self._numbers.get(f"tile {name}", START) for name in names}

    def _filling(self, number: int, tiles: set[int]) -> Release | None:
        """Return the job of a tile that had begun with its next chunk while this one was still on its way out."""
        job = self.jobs[number]
        for other in self._before(job) if tiles else ():
            one, after = self.jobs[other], self._next.get(other, START)
            if one.unit in tiles and after != START and self.may_give(other, number):
                follows = self.jobs[after]
                if follows[3:8] == (*one[3:7], one.number + 1):
                    return Release(other, "input", job.start_ps - one.end_ps, fill=True)
        return None

    def _long_before(self, number: int) -> Release:
        job = self.jobs[number]
        for other in self._before(job):
            if self.may_give(other, number):
                return Release(other, "input", job.start_ps - self.jobs[other].end_ps)
        position = bisect_left(self._ends, job.start_ps)
        if not position:
            return Release(START, "", job.start_ps)
        return Release(self._ending[self._ends[position - 1]][0], "other", job.start_ps - self._ends[position - 1])

    def _before(self, job: Job) -> Iterator[int]:
        """Yield the jobs of the same action and micro-batch that ended before a job began, the last one first."""
        numbers = self._together[job.action, job.micro_batch]
        position = bisect_left(numbers, job.start_ps, key=lambda number: self.jobs[number].end_ps)
        return (numbers[i] for i in range(position - 1, -1, -1))

    def _never_refuted(self, giver: Template, taker: Template) -> bool:
        key = (giver, taker)
        if key not in self._possible:
            ended, begun = self._times[giver], self._times[taker]
            self._possible[key] = all(
                ended[micro_batch][1] <= begun[micro_batch][0] for micro_batch in ended.keys() & begun.keys()
            )
        return self._possible[key]
