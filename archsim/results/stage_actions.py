"""The actions of a run's stages, read from its timeline."""

from __future__ import annotations

import numpy as np
import pandas as pd

from archsim.results.observations import Observations
from archsim.results.slices import Slices

__all__ = ["NO_CAUSE", "stage_actions"]

#: What an action waited for that began when the last one of its stage ended.
NO_CAUSE = ""


def stage_actions(slices: Slices, observations: Observations, most: int | None = None) -> pd.DataFrame:
    """Return what stages did: stage, place, action, micro_batch, start_ps, end_ps, cause; in the order of their begins.

    Parameters
    ----------
    slices : Slices
        The stored slices of a run; without any there are no rows.
    observations : Observations
        Names and places of its stages.
    most : int, optional
        At most so many actions of each stage are read, the first ones.

    Returns
    -------
    DataFrame
        ``cause`` is what the stage waited for before, empty if for nothing. An action without a duration is there, too.
    """
    names = list(observations.stages)
    columns = ("unit", "action", "micro_batch", "start_ps", "end_ps", "cause")
    parts: list[pd.DataFrame] = []
    read = 0
    for part in slices.select(columns, units=names):
        parts.append(part.astype(dict.fromkeys(("unit", "action", "cause"), "str")))
        read += len(part)
        if most is not None and read > 2 * most * len(names):
            break
    if not parts:
        return pd.DataFrame(columns=["stage", "place", *columns[1:]])
    table = pd.concat(parts, ignore_index=True)
    # An idle slice stands right before the busy one that ended the wait.
    waits = table.groupby("unit", sort=False)["cause"].shift(fill_value=NO_CAUSE)
    busy = table["action"] != ""
    found = table[busy].assign(cause=waits[busy])
    if most is not None:
        found = found[found.groupby("unit", sort=False).cumcount() < most]
    stage = found["unit"].map({name: number for number, name in enumerate(names)}).to_numpy(np.int64)
    places = np.array(observations.places or range(len(names)), np.int64)
    found = found.drop(columns="unit").assign(stage=stage, place=places[stage])
    found["micro_batch"] = found["micro_batch"].astype("int64")
    found = found[["stage", "place", "action", "micro_batch", "start_ps", "end_ps", "cause"]]
    return found.sort_values(["start_ps", "end_ps"], kind="stable", ignore_index=True)
