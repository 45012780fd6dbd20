"""Which slices of a run a trace shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from archsim.results import Run

__all__ = ["Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Busy slices of a run, read in parts whenever they are asked for.

    Attributes
    ----------
    run : Run
        The run.
    total : int
        Number of all busy slices of the run.
    window_ps : (int, int) or None
        Only slices that touch this half-open interval.
    only : frozenset of str or None
        Only slices of these units.
    last_ps, last_count : int or None, int
        If given, of those only the ones that start before `last_ps`, and so many that start then.
    slices : int
        How many these are.
    units : frozenset of str
        Units that they belong to.
    """

    run: Run
    total: int
    window_ps: tuple[int, int] | None
    only: frozenset[str] | None
    last_ps: int | None = None
    last_count: int = 0
    slices: int = 0
    units: frozenset[str] = frozenset()

    @classmethod
    def survey(cls, run: Run, total: int, window_ps: tuple[int, int] | None, only: frozenset[str] | None) -> Selection:
        """Count what is selected."""
        return cls(run, total, window_ps, only)._counted()

    def first(self, most: int) -> Selection:
        """Return these slices, or the `most` of them that start first."""
        if self.slices <= most:
            return self
        starts = np.empty(0, dtype=np.int64)
        for part in self.rows(("start_ps",)):
            starts = np.concatenate((starts, part["start_ps"].to_numpy()))
            if len(starts) > most:
                starts = np.partition(starts, most)[:most]
        last = int(starts.max()) if most else 0
        return replace(self, last_ps=last, last_count=int((starts == last).sum()))._counted()

    def rows(self, columns: tuple[str, ...]) -> Iterator[pd.DataFrame]:
        """Yield columns of the selected slices, part by part."""
        window = self.window_ps
        if self.last_ps is not None:
            window = (window[0] if window else 0, min(window[1], self.last_ps + 1) if window else self.last_ps + 1)
        left = self.last_count
        asked = tuple(dict.fromkeys((*columns, "start_ps")))
        for part in self.run.slices.select(asked, window_ps=window, units=self.only, busy=True):
            if self.last_ps is None:
                yield part
                continue
            last = part["start_ps"].to_numpy() == self.last_ps
            shown = ~last | (np.cumsum(last) <= left)
            left -= int((last & shown).sum())
            yield part[shown]

    def _counted(self) -> Selection:
        slices, units = 0, set[str]()
        for part in self.rows(("unit",)):
            slices += len(part)
            units |= set(part["unit"].unique())
        return replace(self, slices=slices, units=frozenset(units))
