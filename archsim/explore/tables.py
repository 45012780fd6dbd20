"""The two tables of a sweep: a row for each run, and a row for each point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from archsim.explore.tasks import Outcome
from archsim.results import points_table, runs_table

__all__ = ["sweep_tables"]


def sweep_tables(
    points: Mapping[str, Mapping[str, str]], keys: Iterable[str], outcomes: Iterable[Outcome]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return one row for each point, and one for each run.

    Parameters
    ----------
    points : mapping of str to mapping of str to str
        The values of each point by its name, in the order of the rows.
    keys : iterable of str
        The keys that vary.
    outcomes : iterable of Outcome
        What became of the runs.

    Returns
    -------
    points : DataFrame
        ``point``, a column for each key, ``n`` (finished runs), ``failed`` (runs), ``failure`` (of the first one),
        ``warnings`` (of all runs, a line each), ``schedule``, ``mode``, and the mean of each metric; ``METRIC_std`` is
        its sample standard deviation.
    runs : DataFrame
        ``point``, a column for each key, ``seed``, ``failure``, ``schedule``, ``mode``, and the metrics.
    """
    keys, order = list(keys), {name: number for number, name in enumerate(points)}
    ended = sorted(outcomes, key=lambda outcome: (order[outcome.point], outcome.seed))
    numbers = runs_table({"run": at.point, "seed": at.seed, **at.row} for at in ended if at.row is not None)
    failures = pd.DataFrame(
        [(at.point, at.seed, str(at.error)) for at in ended if at.error is not None],
        columns=["run", "seed", "failure"],
    ).astype({"seed": "int64"})
    places = pd.DataFrame([(at.point, at.seed) for at in ended], columns=["run", "seed"]).astype({"seed": "int64"})
    runs = places.merge(failures, on=["run", "seed"], how="left").merge(numbers, on=["run", "seed"], how="left")
    summary = pd.DataFrame({"run": list(points)}).merge(points_table(numbers), on="run", how="left")
    failed = failures.groupby("run", sort=False)
    summary["n"] = summary["n"].fillna(0).astype("int64")
    summary.insert(2, "failed", [int((failures["run"] == name).sum()) for name in points])
    summary.insert(3, "failure", summary["run"].map(failed["failure"].first()) if len(failures) else np.nan)
    told: dict[str, dict[str, None]] = {name: {} for name in points}
    for at in ended:
        told[at.point] |= dict.fromkeys(at.warnings)
    summary.insert(4, "warnings", ["\n".join(texts) or None for texts in told.values()])
    return _with_keys(summary, points, keys), _with_keys(runs, points, keys)


def _with_keys(table: pd.DataFrame, points: Mapping[str, Mapping[str, str]], keys: list[str]) -> pd.DataFrame:
    """Return a table with the name of the point and its value of each key in front."""
    front = {key: [points[name].get(key) for name in table["run"]] for key in keys}
    front_table = pd.DataFrame({"point": table["run"].tolist(), **front}, index=table.index)
    rest = table.drop(columns="run")
    n = [name for name in ("n", "failed", "failure", "warnings", "seed") if name in rest.columns]
    return pd.concat([front_table, rest[[*n, *(name for name in rest.columns if name not in n)]]], axis=1)
