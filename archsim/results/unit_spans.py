"""Which units an interval of time was spent on: a way back through jobs that follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Span", "UnitJob", "spans_between"]


class UnitJob(NamedTuple):
    """A job that a unit did."""

    start_ps: int
    end_ps: int
    unit: str
    layer: str


class Span(NamedTuple):
    """A part of an interval: the unit that worked, or none where something was waited for."""

    unit: str
    layer: str
    start_ps: int
    end_ps: int


def spans_between(jobs: Sequence[UnitJob], start_ps: int, end_ps: int) -> list[Span]:
    """Return how an interval was spent on some jobs, without a gap.

    From the end back: the job that ends at a moment released what follows it; of several, the longest. Where none ends
    there, one that is under way did, whose head went on to the next unit before its end, as that of a message does.
    Where none is under way, the time back to the last end was spent waiting.
    """
    found: list[Span] = []
    now = end_ps
    while now > start_ps:
        under_way = [job for job in jobs if job.start_ps < now <= job.end_ps]
        if under_way:
            ending = [job for job in under_way if job.end_ps == now]
            job = min(ending) if ending else max(under_way)
            found.append(Span(job.unit, job.layer, max(job.start_ps, start_ps), now))
        else:
            last = max((job.end_ps for job in jobs if job.end_ps < now), default=start_ps)
            found.append(Span("", "", max(last, start_ps), now))
        now = found[-1].start_ps
    return found[::-1]
