"""The bubble of a run by cause: the time in which no stage of a place acts, and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from archsim.chip.components import NO_WORK_YET
from archsim.explanation import DRAIN, FILL, FLUSH
from archsim.results.observations import Observations
from archsim.results.slices import Slices
from archsim.results.stage_actions import stage_actions_in_turn
from archsim.results.timeline import DRAINED, NO_WORK

__all__ = ["ENDS", "bubble_by_cause", "bubble_table"]

#: What the idle time of a unit before its first work and after its last one is called in a bubble.
ENDS = {NO_WORK_YET: FILL, NO_WORK: FILL, DRAINED: DRAIN}


def bubble_table(rows: Mapping[tuple[int, str], int], places: int, makespan_ps: int) -> pd.DataFrame:
    """Return idle times by place and cause as a table: place, cause, idle_ps, share."""
    found = [(place, cause, time) for (place, cause), time in sorted(rows.items()) if time]
    table = pd.DataFrame(found, columns=["place", "cause", "idle_ps"]).astype({"place": "int64", "idle_ps": "int64"})
    return table.assign(share=table["idle_ps"] / max(1, places * makespan_ps))


def bubble_by_cause(slices: Slices, observations: Observations, micro_batches: int) -> pd.DataFrame:
    """Return the idle time of each place of a run by cause.

    Causes are *fill* (before the first action of a place), *drain* (after its last one), *flush* (before the first
    action of a mini-batch that every place begins only when it has done all of those before), and else what the stage
    waited for that acts next: the input or gradient of a stage, its turn at its place, space in a buffer, the host.
    Without stored slices, flushes are not told apart, and places that stages share are left out.

    Parameters
    ----------
    slices : Slices
        What every unit did.
    observations : Observations
        What the run observed.
    micro_batches : int
        Micro-batches of a mini-batch.

    Returns
    -------
    DataFrame
        place, cause, idle_ps, share. The times of a place add up to the makespan without the time in which a stage of
        it acts, the shares to ``bubble_fraction``.
    """
    seen, makespan = observations, observations.makespan_ps
    places = len(seen.place_busy_ps)
    if not makespan:
        return bubble_table({}, places, makespan)
    if not slices.count:
        return bubble_table(_without_slices(seen), places, makespan)
    rows = [_PlaceRow(place) for place in range(places)]
    for actions in stage_actions_in_turn(slices, seen):
        for place, own in actions.groupby("place"):
            rows[int(str(place))].take(own, micro_batches)
    acting = [row for row in rows if row.acts]
    flushed = set.intersection(*({*row.begun} for row in acting)) if acting else set()
    totals: dict[tuple[int, str], int] = {}
    for row in rows:
        for cause, time in row.idle(flushed, makespan).items():
            totals[row.place, cause] = time
    return bubble_table(totals, places, makespan)


@dataclass(slots=True)
class _PlaceRow:
    """The idle times of a place, as far as its actions were taken.

    Attributes
    ----------
    place : int
        Which one.
    until_ps : int
        The end of what it did so far.
    mini_batch : int
        The latest mini-batch of which it did something; -1 before the first one.
    idle_ps : dict of str to int
        Idle times by cause, but for those before the mini-batches of `begun`.
    begun : dict of int to (int, str, int)
        Mini-batches that it began when it had done all of those before, as far as is known: the idle time before, its
        cause, and the mini-batch before. Those without idle time are among them: the others count for them, too.
    """

    place: int
    until_ps: int = 0
    mini_batch: int = -1
    idle_ps: dict[str, int] = field(default_factory=dict)
    begun: dict[int, tuple[int, str, int]] = field(default_factory=dict)

    @property
    def acts(self) -> bool:
        """Whether it did anything."""
        return self.mini_batch >= 0

    def take(self, actions: pd.DataFrame, micro_batches: int) -> None:
        """Take the next actions, in the order of their begins."""
        begins, numbers = actions["start_ps"].to_numpy(), actions["micro_batch"].to_numpy() // micro_batches
        until = np.maximum.accumulate(np.append(self.until_ps, actions["end_ps"].to_numpy()))
        latest = np.maximum.accumulate(np.append(self.mini_batch, numbers))
        causes = actions["cause"].to_numpy()
        # An action of a mini-batch that had another one after it: that other one did not wait for it.
        least = int(numbers.min())
        for late in [number for number, (_, _, before) in self.begun.items() if least <= before]:
            self._count(*self.begun.pop(late)[:2])
        to_come = np.minimum.accumulate(numbers[::-1])[::-1]
        first = to_come > latest[:-1]
        for i in np.flatnonzero((begins > until[:-1]) | first).tolist():
            time, cause = max(0, int(begins[i] - until[i])), ENDS.get(causes[i], causes[i])
            if not self.acts and not i:
                self._count(time, FILL)
            elif first[i]:
                self.begun[int(numbers[i])] = (time, cause, int(latest[i]))
            else:
                self._count(time, cause)
        self.until_ps, self.mini_batch = int(until[-1]), int(latest[-1])

    def idle(self, flushed: Collection[int], makespan_ps: int) -> dict[str, int]:
        """Return idle times by cause, where all places flush before the mini-batches of `flushed`."""
        for number, (time, cause, _) in self.begun.items():
            self._count(time, FLUSH if number in flushed else cause)
        self.begun = {}
        self._count(makespan_ps - self.until_ps, DRAIN if self.acts else FILL)
        return self.idle_ps

    def _count(self, time: int, cause: str) -> None:
        self.idle_ps[cause] = self.idle_ps.get(cause, 0) + time


def _without_slices(seen: Observations) -> dict[tuple[int, str], int]:
    if len({*seen.places}) < len(seen.stages):
        return {}
    place_of = dict(zip(seen.stages, seen.places or range(len(seen.stages)), strict=True))
    return {
        (place_of[unit], ENDS.get(cause, cause)): time
        for (unit, cause), time in seen.idle_ps.items()
        if unit in place_of
    }
