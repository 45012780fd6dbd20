"""What bounds the time of a run: the actions and units that decide when it ends, and what each could gain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from archsim.chip.components import NO_WORK_YET
from archsim.explanation import START
from archsim.results.action_graph import TRANSPORT, ActionGraph, action_graph
from archsim.results.halving import Case, Share, gains_of_halving
from archsim.results.job_graph import job_graph, path_of_jobs
from archsim.results.observations import Observations
from archsim.results.releases import Releases
from archsim.results.slices import Slices
from archsim.results.unit_jobs import JobList, jobs_of
from archsim.results.unit_spans import Span

__all__ = ["CriticalPath", "critical_path", "critical_path_of_jobs"]

#: Actions of all stages that are looked at, from the first.
_MOST_ACTIONS = 4_000
#: Jobs that are looked at, from the first, where actions overlap.
_MOST_JOBS = 12_000
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
    of_jobs : bool
        Whether it goes from job to job, whatever their actions, since those of a stage overlap. Then `path` has two
        columns more: job, the number of a job among those of its unit for its layer, action and micro-batch; and
        release, what it waited for last: see `archsim.results.releases.Release`, ``fill`` for the time in which the
        last read of a tile was still on its way out, ``wait`` for time in which something else was waited for.
    """

    path: pd.DataFrame
    units: pd.DataFrame
    until_ps: int
    exact: bool
    of_jobs: bool = False

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
    gains = _gains(found, list(cases)[:_MOST_CASES], component)
    return CriticalPath(path, _units(path, cases, gains, until), until, _is_exact(found))


def critical_path_of_jobs(slices: Slices, observations: Observations) -> CriticalPath | None:
    """Return the critical path of a run whose stages do several actions at a time; None without jobs in the timeline.

    From the job that ends last the path goes back, each time to the job that the one before it had waited for; see
    `archsim.results.releases` for how that is found.
    """
    found = jobs_of(slices, observations, _MOST_JOBS)
    if not found.jobs:
        return None
    until = observations.makespan_ps if found.whole else max(job.end_ps for job in found.jobs)
    releases = Releases(found)
    path = _path_of_jobs(found, releases, until)
    cases = _cases(path)
    gains = _gains_of_jobs(found, releases, list(cases)[:_MOST_CASES])
    return CriticalPath(path, _units(path, cases, gains, until), until, exact=False, of_jobs=True)


def _path_of_jobs(found: JobList, releases: Releases, until: int) -> pd.DataFrame:
    rows: list[tuple[object, ...]] = []

    def row(number: int, start: int, end: int, release: str) -> tuple[object, ...]:
        job = found.jobs[number]
        stage, micro_batch = (pd.NA if value < 0 else value for value in (job.stage, job.micro_batch))
        unit, kind = found.units[job.unit], found.components[job.unit]
        return (stage, job.action, micro_batch, unit, kind, job.layer, start, end, "", job.number, release)

    path = path_of_jobs(releases)
    for (number, release), following in zip(path, [*path[1:], None], strict=True):
        job = found.jobs[number]
        if release.lag_ps > 0 and release.fill:
            rows.append(row(release.job, job.start_ps - release.lag_ps, job.start_ps, "fill"))
        elif release.lag_ps > 0:
            cause = job.cause or NO_WORK_YET
            gap = (job.start_ps - release.lag_ps, job.start_ps)
            rows.append((pd.NA, job.action, pd.NA, "", "", job.layer, *gap, cause, pd.NA, "wait"))
        # The head of a message goes on while the link still has the rest.
        end = job.end_ps + min(following[1].lag_ps, 0) if following is not None else job.end_ps
        rows.append(row(number, job.start_ps, end, release.kind))
    if path and found.jobs[path[-1][0]].end_ps < until:
        end = found.jobs[path[-1][0]].end_ps
        rows.append((pd.NA, "", pd.NA, "", "", "", end, until, "the end of the run", pd.NA, "wait"))
    table = pd.DataFrame(rows, columns=[*_PATH, "job", "release"])
    whole = dict.fromkeys(("stage", "micro_batch", "job"), "Int64")
    return table.astype(whole | dict.fromkeys(("start_ps", "end_ps"), "int64"))


def _gains_of_jobs(found: JobList, releases: Releases, cases: list[Case]) -> dict[Case, float]:
    made = job_graph(releases)

    def share(number: int, time: int) -> Share:
        job = found.jobs[number]
        return found.units[job.unit], found.components[job.unit], job.action, time

    own = [(share(number, time),) for number, time in enumerate(made.graph.durations)]
    lags = (lag for following in made.graph.before for _, lag in following)
    between = [(share(owner, lag),) if owner != START else () for owner, lag in zip(made.owners, lags, strict=True)]
    return gains_of_halving(made.graph, own, between, cases)


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
    kind = component.get(span.unit, _kind(span.unit))
    return (*head, span.unit, kind, span.layer, span.start_ps, span.end_ps, "" if span.unit else cause)


def _cases(path: pd.DataFrame) -> dict[Case, int]:
    """Return the time on the path of each unit and component, by actions and in all; the longest first."""
    totals: dict[Case, int] = defaultdict(int)
    for unit, kind, action, start, end in path[["unit", "component", "action", "start_ps", "end_ps"]].itertuples(
        index=False
    ):
        if unit:
            for case in ((unit, kind, ""), (unit, kind, action), ("", kind, ""), ("", kind, action)):
                totals[case] += int(end - start)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _units(path: pd.DataFrame, cases: Mapping[Case, int], gains: Mapping[Case, float], until: int) -> pd.DataFrame:
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


def _gains(found: ActionGraph, cases: list[Case], component: Mapping[str, str]) -> dict[Case, float]:
    """Return how much earlier the actions end where a case takes half its time."""

    def shares(spans: Iterable[Span], action: str) -> list[Share]:
        return [
            (span.unit, component.get(span.unit, _kind(span.unit)), action, span.end_ps - span.start_ps)
            for span in spans
            if span.unit
        ]

    own = [shares(action.spans, action.action) for action in found.actions]
    between = [
        shares(found.between.get((number, task), ()), action.action)
        for number, action in enumerate(found.actions)
        for task, _ in found.graph.before[number]
    ]
    return gains_of_halving(found.graph, own, between, cases)


def _kind(unit: str) -> str:
    return "stage" if unit.startswith("stage") else ""
