"""Runs that belong together: the points of a grid, each under one or several seeds."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from archsim.notebook import shortened
from archsim.results.compared import COMPARED_COLUMNS, compared_row
from archsim.results.run import Run
from archsim.results.targets import targets_table

__all__ = ["RunCollection", "points_table", "runs_table"]

#: What a notebook shows of a collection: a small table; `RunCollection.summary` has everything.
_SHOWN = ("run", "n", "time_per_sample_ps", "energy_per_sample_pj", "accuracy", "accuracy_std")
_MOST_ROWS = 40
_LONGEST = 1000


@dataclass(frozen=True, eq=False, repr=False)
class RunCollection:
    """Runs by point and seed. ``collection[point][seed]`` is a run; iterating yields all runs.

    Attributes
    ----------
    points : mapping of str to mapping of int to Run
        For each point, its runs by seed.
    failures : mapping of (str, int) to str
        Why a run of a point and seed is missing.
    """

    points: Mapping[str, Mapping[int, Run]]
    failures: Mapping[tuple[str, int], str] = field(default_factory=dict)

    @classmethod
    def of_runs(cls, runs: Mapping[str, Run]) -> RunCollection:
        """Return a collection with one run for each point."""
        return cls({name: {int(run.settings["run"]["seed"]): run} for name, run in runs.items()})

    def __len__(self) -> int:
        return sum(len(runs) for runs in self.points.values())

    def __iter__(self) -> Iterator[Run]:
        for runs in self.points.values():
            yield from runs.values()

    def __getitem__(self, point: str) -> Mapping[int, Run]:
        return self.points[point]

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, in the order in which they first appear."""
        return tuple(dict.fromkeys(seed for runs in self.points.values() for seed in runs))

    @property
    def first_runs(self) -> dict[str, Run]:
        """The first run of every point that has one."""
        return {point: next(iter(runs.values())) for point, runs in self.points.items() if runs}

    def frame(self) -> pd.DataFrame:
        """Return one row for each run, see `runs_table`."""
        return runs_table(
            {"run": point, "seed": seed, **compared_row(run)}
            for point, runs in self.points.items()
            for seed, run in runs.items()
        )

    def to_targets(self, accuracies: Iterable[float]) -> pd.DataFrame:
        """Return what each run took to each test accuracy: ``run``, ``seed``, and the columns of `targets_table`."""
        asked = [
            (point, seed, run.to_target(accuracy=accuracy))
            for accuracy in accuracies
            for point, runs in self.points.items()
            for seed, run in runs.items()
        ]
        table = targets_table(way for _, _, way in asked)
        table.insert(0, "run", [point for point, _, _ in asked])
        table.insert(1, "seed", [seed for _, seed, _ in asked])
        return table

    def summary(self) -> pd.DataFrame:
        """Return one row for each point, see `points_table`."""
        return points_table(self.frame())

    def __repr__(self) -> str:
        return f"<RunCollection: {shortened(_described(self), _LONGEST)}>"

    def _repr_html_(self) -> str:
        table = self.summary()[list(_SHOWN)].dropna(axis=1, how="all").head(_MOST_ROWS)
        table["run"] = [shortened(name) for name in table["run"]]
        head = shortened(_described(self), _LONGEST)
        return f"<div><p>{html.escape(head)}</p>{table.to_html(index=False, float_format='{:.4g}'.format)}</div>"


def runs_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row for each run: ``run`` (its point), ``seed``, ``schedule``, ``mode`` and the compared metrics.

    What a run lacks is NaN. ``progress_per_sample`` is the step per sample relative to the first run's.

    Parameters
    ----------
    rows : iterable of mapping
        ``run``, ``seed``, and what `compared_row` returns.
    """
    table = pd.DataFrame(list(rows), columns=["run", "seed", "schedule", "mode", *COMPARED_COLUMNS])
    table = table.astype({"seed": "int64"} | dict.fromkeys(COMPARED_COLUMNS, "float64"))
    if len(table):
        table["progress_per_sample"] = table["step_per_sample"] / table["step_per_sample"].iloc[0]
    return table


def points_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each point: ``run``, ``schedule``, ``mode``, ``n``, and of each compared metric the mean.

    ``METRIC_std`` is the sample standard deviation (n - 1 in the denominator) over the seeds, NaN for one run.

    Parameters
    ----------
    runs : DataFrame
        What `runs_table` returns.
    """
    groups = runs.groupby("run", sort=False)
    columns: dict[str, Any] = {
        "run": list(groups.groups),
        "schedule": groups["schedule"].first().tolist(),
        "mode": groups["mode"].first().tolist(),
        "n": groups.size().tolist(),
    }
    for metric in COMPARED_COLUMNS:
        # Without rounding: the mean of equal numbers is that number.
        values = [part.to_numpy(dtype=np.float64) for _, part in groups[metric]]
        columns[metric] = [float(part[0]) if (part == part[0]).all() else float(part.mean()) for part in values]
        columns[f"{metric}_std"] = [_spread(part) for part in values]
    return pd.DataFrame(columns)


def _spread(values: np.ndarray) -> float:
    if len(values) < 2:
        return float("nan")
    return 0.0 if (values == values[0]).all() else float(values.std(ddof=1))


def _described(collection: RunCollection) -> str:
    table = collection.summary()
    parts = [f"{len(collection)} runs"]
    for point, n, mean, spread in zip(table["run"], table["n"], table["accuracy"], table["accuracy_std"], strict=True):
        if mean == mean:
            parts.append(f"{point} accuracy {mean:.4f}" + (f" ± {spread:.4f} (n = {n})" if n > 1 else ""))
        else:
            parts.append(f"{point} (n = {n})" if n > 1 else str(point))
    if collection.failures:
        parts.append(f"{len(collection.failures)} failed")
    return "; ".join(parts)
