"""Runs side by side in one table."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from archsim.results.metrics import MetricValue
from archsim.results.run import Run

__all__ = ["COMPARED_METRICS", "compare_runs"]

#: The metrics that stand beside each other, all single numbers.
COMPARED_METRICS: tuple[str, ...] = (
    "makespan_ps",
    "time_per_sample_ps",
    "energy_pj",
    "energy_per_sample_pj",
    "power_w",
    "area_um2",
    "accuracy",
    "loss",
    "bubble_fraction",
)


def compare_runs(runs: Mapping[str, Run]) -> pd.DataFrame:
    """Return one row per run.

    Parameters
    ----------
    runs : mapping of str to Run
        The runs by the name under which they are shown.

    Returns
    -------
    DataFrame
        Columns ``run``, ``schedule``, ``mode``, those of `COMPARED_METRICS`, and ``staleness`` (the
        largest mean of a stage, in updates). What a run lacks is NaN.
    """
    rows = [
        {
            "run": name,
            "schedule": str(run.settings["schedule"]["kind"]),
            "mode": str(run.settings["run"]["mode"]),
            **{metric: _number(run.metrics[metric]) for metric in COMPARED_METRICS},
            "staleness": max(run.observations.staleness, default=float("nan")),
        }
        for name, run in runs.items()
    ]
    columns = ["run", "schedule", "mode", *COMPARED_METRICS, "staleness"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys((*COMPARED_METRICS, "staleness"), "float64"))


def _number(value: MetricValue) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")
