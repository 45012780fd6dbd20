"""How much earlier tasks end where some of what they are spent on takes half its time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from archsim.explanation import TaskGraph

__all__ = ["Case", "Share", "gains_of_halving"]

#: A unit or all of a component (its name is empty then), the component, and an action or all of them (likewise).
Case = tuple[str, str, str]
#: A unit, its component, an action, and the time that the unit spent on it.
Share = tuple[str, str, str, int]


def gains_of_halving(
    graph: TaskGraph, own: Sequence[Iterable[Share]], between: Sequence[Iterable[Share]], cases: Sequence[Case]
) -> dict[Case, float]:
    """Return how much earlier the last task ends where a case takes half its time, in the same order of tasks.

    Parameters
    ----------
    graph : TaskGraph
        The tasks.
    own : sequence of iterable of Share
        What each task is spent on.
    between : sequence of iterable of Share
        What each lag of the graph is spent on, in its order; a negative lag has negative times.
    cases : sequence of Case
        What is halved, each by itself.

    Returns
    -------
    dict of Case to float
        In picoseconds.
    """
    column = {case: number for number, case in enumerate(cases)}

    @cache
    def columns(unit: str, kind: str, action: str) -> list[int]:
        names = ((unit, kind, ""), (unit, kind, action), ("", kind, ""), ("", kind, action))
        return [column[case] for case in names if case in column]

    # Twice the times keep all whole.
    def doubled(times: Sequence[int], shares: Sequence[Iterable[Share]]) -> npt.NDArray[np.int64]:
        table = np.repeat(2 * np.array(times, np.int64)[:, None], len(cases), axis=1)
        for row, spent in zip(table, shares, strict=True):
            for unit, kind, action, time in spent:
                for number in columns(unit, kind, action):
                    row[number] -= time
        return table

    lags = [lag for following in graph.before for _, lag in following]
    ends = graph.ends_with(doubled(graph.durations, own), doubled(lags, between))
    begins = graph.begins()
    whole = max(begin + duration for begin, duration in zip(begins, graph.durations, strict=True))
    return {case: whole - float(end) / 2 for case, end in zip(cases, ends, strict=True)}
