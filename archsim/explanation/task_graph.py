"""The longest path through tasks whose order is given: when each begins, which ones decide the end, what speed gains.

A task begins when all that it follows has ended, each plus a lag; so its begin is that of the longest path to it (the
critical path method of Kelley & Walker 1959, doi:10.1145/1460299.1460318). The order in which units serve tasks is part
of the graph: with other durations it stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["START", "TaskGraph"]

#: The number of the beginning among the tasks that a task follows.
START = -1

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TaskGraph:
    """Tasks, each behind all that it follows.

    Attributes
    ----------
    durations : sequence of int
        How long each takes, in any unit.
    before : sequence of sequence of (int, int)
        For each task, those that it follows, with a lag: it begins so long after their end at the earliest. `START` is
        the beginning of all.
    behind : sequence of int, optional
        For each task, one that must have begun before it may begin, or `START`.
    """

    durations: Sequence[int]
    before: Sequence[Sequence[tuple[int, int]]]
    behind: Sequence[int] = ()

    def begins(self) -> list[int]:
        """Return when each task begins."""
        begins, ends = list[int](), list[int]()
        for number, (duration, following) in enumerate(zip(self.durations, self.before, strict=True)):
            begin = max((lag + (ends[task] if task >= 0 else 0) for task, lag in following), default=0)
            if self.behind and (first := self.behind[number]) != START:
                begin = max(begin, begins[first])
            begins.append(begin)
            ends.append(begin + duration)
        return begins

    def releases(self, begins: Sequence[int]) -> list[tuple[int, int]]:
        """Return for each task the one that it waited for last, and the lag; of several, the first that is named.

        The lag is negative where the task waited for the other one to begin.
        """
        found = []
        for number, (begin, following) in enumerate(zip(begins, self.before, strict=True)):
            for task, lag in following:
                if lag + (begins[task] + self.durations[task] if task >= 0 else 0) == begin:
                    found.append((task, lag))
                    break
            else:
                first = self.behind[number] if self.behind else START
                # What has only begun by then counts with its begin: its own time is taken off.
                found.append((START, begin) if first == START else (first, -self.durations[first]))
        return found

    def critical_path(self, begins: Sequence[int]) -> list[tuple[int, int]]:
        """Return the tasks that decide the end, from the first, each with the lag before it.

        Durations and lags add up to the end of the last one. Of equally long paths it is the one through what each
        task names first among those that it follows.
        """
        if not begins:
            return []
        releases = self.releases(begins)
        task = max(range(len(begins)), key=lambda i: (begins[i] + self.durations[i], i))
        path = []
        while task != START:
            before, lag = releases[task]
            path.append((task, lag))
            task = before
        return path[::-1]

    def ends_with(self, durations: Whole, lags: Whole | None = None) -> Whole:
        """Return when the last task ends if durations are others, in the same order of tasks.

        Parameters
        ----------
        durations : int array [tasks, cases]
            The durations of each task in each case.
        lags : int array [lags, cases], optional
            The lags in each case, in the order in which they stand in `before`; as they are without it.

        Returns
        -------
        int array [cases]
        """
        tasks, cases = durations.shape
        ends = np.zeros((tasks + 1, cases), np.int64)  # The last row stands for the beginning.
        number = 0
        for task, following in enumerate(self.before):
            row = ends[task]
            for before, lag in following:
                np.maximum(row, ends[before] + (lag if lags is None else lags[number]), out=row)
                number += 1
            if self.behind and (first := self.behind[task]) != START:
                np.maximum(row, ends[first] - durations[first], out=row)
            row += durations[task]
        found: Whole = ends.max(axis=0)
        return found
