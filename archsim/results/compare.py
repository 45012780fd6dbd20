"""Runs side by side: one table, what differs between them, and differences in pairs of equal seeds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from archsim.results.collection import RunCollection
from archsim.results.run import Run

__all__ = ["compare_runs", "equal_weights", "paired_differences"]


def compare_runs(runs: RunCollection | Mapping[str, Run]) -> pd.DataFrame:
    """Return one row for each run, or for each point of a collection.

    Parameters
    ----------
    runs : RunCollection or mapping of str to Run
        The runs by the name under which they are shown.

    Returns
    -------
    DataFrame
        See `RunCollection.summary`.
    """
    return (runs if isinstance(runs, RunCollection) else RunCollection.of_runs(runs)).summary()


def paired_differences(runs: RunCollection, metric: str) -> pd.DataFrame:
    """Return by how much each point exceeds the first one, in pairs of runs with the same seed.

    Seeds set devices, noise, data order and initial weights, so a pair shares them all and its difference is due to
    what else differs.

    Parameters
    ----------
    runs : RunCollection
        The runs.
    metric : str
        A column of `RunCollection.frame`.

    Returns
    -------
    DataFrame
        ``run``, ``n`` (pairs), ``mean`` and ``std`` (sample standard deviation) of the differences.
    """
    values = runs.frame().pivot_table(index="seed", columns="run", values=metric, sort=False)
    rows = []
    names = [name for name in runs.points if name in values.columns]
    for name in names[1:]:
        differences = (values[name] - values[names[0]]).dropna().to_numpy()
        n = len(differences)
        if n:
            spread = float(differences.std(ddof=1)) if n > 1 else float("nan")
            rows.append({"run": name, "n": n, "mean": float(differences.mean()), "std": spread})
    return pd.DataFrame(rows, columns=["run", "n", "mean", "std"])


def equal_weights(runs: RunCollection) -> list[tuple[str, ...]]:
    """Return the groups of points whose weights are equal bit for bit under every seed; points alone are left out."""
    groups: list[list[str]] = []
    for point, by_seed in runs.points.items():
        if not by_seed or not all(run.weights for run in by_seed.values()):
            continue
        group = next((group for group in groups if _same(runs[group[0]], by_seed)), None)
        if group is None:
            groups.append([point])
        else:
            group.append(point)
    return [tuple(group) for group in groups if len(group) > 1]


def _same(one: Mapping[int, Run], other: Mapping[int, Run]) -> bool:
    return one.keys() == other.keys() and all(
        run.weights.keys() == other[seed].weights.keys()
        and all(np.array_equal(array, other[seed].weights[name]) for name, array in run.weights.items())
        for seed, run in one.items()
    )
