"""The bubble of a run by cause: the time in which no stage of a place acts, and why."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from archsim.chip.components import NO_WORK_YET
from archsim.explanation import DRAIN, FILL, FLUSH, begins_after_flush, flushed_mini_batches
from archsim.results.observations import Observations
from archsim.results.slices import Slices
from archsim.results.stage_actions import stage_actions
from archsim.results.timeline import DRAINED, NO_WORK

__all__ = ["bubble_by_cause", "bubble_table"]

#: What the ends of a timeline are in a bubble.
_ENDS = {NO_WORK_YET: FILL, NO_WORK: FILL, DRAINED: DRAIN}


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
    actions = stage_actions(slices, seen)
    rows = [own for _, own in actions.groupby("place")]
    mini_batches = [(own["micro_batch"] // micro_batches).tolist() for own in rows]
    flushed = flushed_mini_batches(mini_batches)
    totals: dict[tuple[int, str], int] = {(place, FILL): makespan for place in range(places)}
    for own, numbers in zip(rows, mini_batches, strict=True):
        place = int(own["place"].iloc[0])
        del totals[place, FILL]
        begins, ends = own["start_ps"].to_numpy(), np.maximum.accumulate(own["end_ps"].to_numpy())
        until = np.append(0, ends[:-1])
        after = begins_after_flush(numbers)
        causes = own["cause"].tolist()
        for position in np.flatnonzero(begins > until).tolist():
            cause = FLUSH if after.get(position) in flushed else causes[position]
            cause = FILL if not position else _ENDS.get(cause, cause)
            time = int(begins[position] - until[position])
            totals[place, cause] = totals.get((place, cause), 0) + time
        totals[place, DRAIN] = makespan - int(ends[-1])
    return bubble_table(totals, places, makespan)


def _without_slices(seen: Observations) -> dict[tuple[int, str], int]:
    if len({*seen.places}) < len(seen.stages):
        return {}
    place_of = dict(zip(seen.stages, seen.places or range(len(seen.stages)), strict=True))
    return {
        (place_of[unit], _ENDS.get(cause, cause)): time
        for (unit, cause), time in seen.idle_ps.items()
        if unit in place_of
    }
