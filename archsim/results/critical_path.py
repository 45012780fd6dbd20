"""What bounds the time of a run: the actions and units that decide when it ends, and what each could gain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from archsim.explanation import START
from archsim.results.action_graph import TRANSPORT, ActionGraph, action_graph
from archsim.results.observations import Observations
from archsim.results.slices import Slices
from archsim.results.unit_spans import Span

__all__ = ["CriticalPath", "critical_path"]

#: Actions of all stages that are looked at, from the first.
_MOST_ACTIONS = 4_000
#: Units and kinds of units for which it is computed what half their time would gain, those longest on the path.
_MOST_CASES = 100
_PATH = ("stage", "action", "micro_batch", "unit", "component", "layer", "start_ps", "end_ps", "waiting")


@dataclass(frozen=True, eq=False)
class CriticalPath:
    """The actions and units that decide when a run ends.

    Attributes
    ----------
    path : DataFrame
        stage, action, micro_batch, unit, component, layer, start_ps, end_ps, waiting: in order and without a gap from
        0 to `until_ps`. Where a unit is named, it worked for the action, or for others before; else `waiting` says
        what was waited for.
    units : DataFrame
        unit, component, stage, layer, action, path_ps, share, gain_ps, gain: the time on the path, and how much
        earlier it would end if the unit took half its time, in the same order of actions. Without an action: for all
        of them; without a unit: for all of a component.
    until_ps : int
        The end of what was looked at: the makespan, or in a long run, the end of its first actions.
    exact : bool
        Whether nothing lies between the actions, and each is done by one unit: the gains are those of a run then.
    """

    path: pd.DataFrame
    units: pd.DataFrame
    until_ps: int
    exact: bool

    @property
    def best(self) -> pd.Series | None:
        """The unit whose halving would gain most; None if none is on the path."""
        own = self.units[(self.units["action"] == "") & (self.units["unit"] != "")]
        return own.iloc[0] if len(own) else None


def critical_path(slices: Slices, observations: Observations) -> CriticalPath | None:
    """Return the critical path of a run whose stages do one action after the other; None without a timeline.

    The timeline has every action of every stage with what it waited for, and every job of every unit with the action
    that it was done for. From the last action the path goes back to the one that was waited for last: the one before it
    at its stage, or the sender of the input or gradient that came last; within an action, from job to job.
    """
    if not slices.count or (not observations.handovers and len(observations.stages) > 1):
        return None
    found = action_graph(slices, observations, max(1, _MOST_ACTIONS // len(observations.stages)))
    if not found.actions:
        return None
    component = {unit.unit: unit.component for unit in observations.units}
    until = observations.makespan_ps if found.whole else max(action.end_ps for action in found.actions)
    path = _path(found, component, until)
    cases = _cases(path)
    return CriticalPath(path, _units(found, path, cases, component, until), until, _is_exact(found))


def _is_exact(found: ActionGraph) -> bool:
    return not found.between and all(len(action.spans) <= 1 for action in found.actions)


def _path(found: ActionGraph, component: Mapping[str, str], until: int) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []
    before, first = START, 0
    for number, lag in found.graph.critical_path(found.graph.begins()):
        action = found.actions[number]
        if lag < 0:
            del rows[first:]  # Only the begin of the one before it was waited for.
        head = (action.stage, action.action, action.micro_batch)
        spans = found.between.get((number, before), ()) if lag > 0 else ()
        rows += [_row(head, span, component, action.cause) for span in spans]
        first = len(rows)
        rows += [_row(head, span, component, "a unit") for span in action.spans if span.end_ps > span.start_ps]
        before, end = number, action.end_ps
    if end < until:
        rows.append((pd.NA, "", pd.NA, "", "", "", end, until, "the end of the run"))
    table = pd.DataFrame(rows, columns=list(_PATH))
    return table.astype({"stage": "Int64", "micro_batch": "Int64", "start_ps": "int64", "end_ps": "int64"})


def _row(head: tuple[int, str, int], span: Span, component: Mapping[str, str], cause: str) -> tuple[object, ...]:
    kind = component.get(span.unit, "stage" if span.unit.startswith("stage") else "")
    return (*head, span.unit, kind, span.layer, span.start_ps, span.end_ps, "" if span.unit else cause)


#: A unit or all of a component, and an action or all of them.
_Case = tuple[str, str, str]


def _cases(path: pd.DataFrame) -> dict[_Case, int]:
    """Return the time on the path of each unit and component, by actions and in all; the longest first."""
    totals: dict[_Case, int] = defaultdict(int)
    for unit, kind, action, start, end in path[["unit", "component", "action", "start_ps", "end_ps"]].itertuples(
        index=False
    ):
        if unit:
            for case in ((unit, kind, ""), (unit, kind, action), ("", kind, ""), ("", kind, action)):
                totals[case] += int(end - start)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _units(
    found: ActionGraph, path: pd.DataFrame, cases: Mapping[_Case, int], component: Mapping[str, str], until: int
) -> pd.DataFrame:
    gains = _gains(found, list(cases)[:_MOST_CASES], component)
    stages: dict[str, set[int]] = defaultdict(set)
    layers: dict[str, set[str]] = defaultdict(set)
    for unit, kind, stage, layer in (
        path[["unit", "component", "stage", "layer"]].drop_duplicates().itertuples(index=False)
    ):
        # Links and the host work for all stages.
        if unit and kind not in TRANSPORT:
            stages[unit].add(int(stage))
            layers[unit] |= {layer} - {""}
    rows = []
    for unit, kind, action in cases:
        at, of = list(stages.get(unit, ())), list(layers.get(unit, ()))
        gain = gains.get((unit, kind, action))
        rows.append(
            (
                unit,
                kind,
                at[0] if len(at) == 1 else pd.NA,
                of[0] if len(of) == 1 else "",
                action,
                cases[unit, kind, action],
                cases[unit, kind, action] / until,
                gain,
                None if gain is None else gain / until,
            )
        )
    names = ["unit", "component", "stage", "layer", "action", "path_ps", "share", "gain_ps", "gain"]
    table = pd.DataFrame(rows, columns=names).astype({"stage": "Int64", "gain_ps": "float64", "gain": "float64"})
    return table.sort_values(["gain_ps", "path_ps"], ascending=False, kind="stable", ignore_index=True)


def _gains(found: ActionGraph, cases: list[_Case], component: Mapping[str, str]) -> dict[_Case, float]:
    """Return how much earlier the actions end where a case takes half its time; twice the times keep all whole."""
    column = {case: number for number, case in enumerate(cases)}
    graph = found.graph
    durations = np.repeat(2 * np.array(graph.durations, np.int64)[:, None], len(cases), axis=1)
    lags = []

    def less(row: np.ndarray[tuple[int], np.dtype[np.int64]], span: Span, action: str) -> None:
        kind = component.get(span.unit, "stage" if span.unit.startswith("stage") else "")
        if span.unit:
            for case in ((span.unit, kind, ""), (span.unit, kind, action), ("", kind, ""), ("", kind, action)):
                if case in column:
                    row[column[case]] -= span.end_ps - span.start_ps

    for number, action in enumerate(found.actions):
        for span in action.spans:
            less(durations[number], span, action.action)
        for task, lag in graph.before[number]:
            row = np.full(len(cases), 2 * lag, np.int64)
            for span in found.between.get((number, task), ()):
                less(row, span, action.action)
            lags.append(row)
    ends = graph.ends_with(durations, np.array(lags, np.int64).reshape(len(lags), len(cases)))
    whole = max(action.end_ps for action in found.actions)
    return {case: whole - float(end) / 2 for case, end in zip(cases, ends, strict=True)}
