"""The actions of a run's stages, read from its timeline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from archsim.results.observations import Observations
from archsim.results.slices import Slices

__all__ = ["NO_CAUSE", "stage_actions", "stage_actions_in_turn"]

_COLUMNS = {
    "stage": "int64",
    "place": "int64",
    "action": "str",
    "micro_batch": "int64",
    "start_ps": "int64",
    "end_ps": "int64",
    "cause": "str",
}
_ORDER = ["start_ps", "end_ps"]

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
    blocks: list[pd.DataFrame] = []
    read = 0
    for block in _blocks(slices, observations):
        blocks.append(block)
        read += len(block)
        if most is not None and read > most * len(observations.stages):
            break
    found = pd.concat(blocks, ignore_index=True) if blocks else _frame(observations, {})
    if most is not None:
        found = found[found.groupby("stage", sort=False).cumcount() < most]
    return found.sort_values(_ORDER, kind="stable", ignore_index=True)


def stage_actions_in_turn(slices: Slices, observations: Observations) -> Iterator[pd.DataFrame]:
    """Yield the same rows in the same order, some at a time, so that those of a long run are never in memory together.

    Rows are handed on up to the moment at which the stage that is furthest behind began its last action that was read.
    """
    kept = _frame(observations, {})
    reached = dict.fromkeys(range(len(observations.stages)), -1)
    for block in _blocks(slices, observations):
        starts = block.groupby("stage")["start_ps"].max()
        reached.update(zip(starts.index.tolist(), starts.tolist(), strict=True))
        kept = pd.concat([kept, block], ignore_index=True)
        done = kept["start_ps"] < min(reached.values())
        if done.any():
            yield kept[done].sort_values(_ORDER, kind="stable", ignore_index=True)
            kept = kept[~done]
    yield kept.sort_values(_ORDER, kind="stable", ignore_index=True)


def _blocks(slices: Slices, observations: Observations) -> Iterator[pd.DataFrame]:
    """Yield the actions of stages as they were stored, those of each stage in order."""
    names = list(observations.stages)
    # An idle slice stands right before the busy one that ended the wait.
    before: dict[str, str] = {}
    columns = ("unit", "action", "micro_batch", "start_ps", "end_ps", "cause")
    for part in slices.select(columns, units=names):
        table = part.astype(dict.fromkeys(("unit", "action", "cause"), "str"))
        waits = table.groupby("unit", sort=False)["cause"].shift()
        first = waits.isna()
        waits[first] = [before.get(unit, NO_CAUSE) for unit in table["unit"][first]]
        last = table.groupby("unit", sort=False)["cause"].last()
        before.update(zip(last.index.tolist(), last.tolist(), strict=True))
        busy = table["action"] != ""
        yield _frame(observations, table[busy].assign(cause=waits[busy]))


def _frame(observations: Observations, found: pd.DataFrame | Mapping[str, object]) -> pd.DataFrame:
    """Return slices of stages with the columns of `stage_actions`."""
    if not len(found):
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in _COLUMNS.items()})
    table = pd.DataFrame(found)
    names = {name: number for number, name in enumerate(observations.stages)}
    places = np.array(observations.places or range(len(names)), np.int64)
    stage = table["unit"].map(names).to_numpy(np.int64)
    return table.assign(stage=stage, place=places[stage])[list(_COLUMNS)].astype(_COLUMNS)
