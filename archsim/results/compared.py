"""The numbers of a run that stand beside those of another."""

from __future__ import annotations

import math
from typing import Any

from archsim.results.run import Run

__all__ = ["COMPARED_COLUMNS", "COMPARED_METRICS", "compared_row"]

#: The metrics that stand beside each other, all single numbers.
COMPARED_METRICS: tuple[str, ...] = (
    "makespan_ps",
    "time_per_sample_ps",
    "samples_per_s",
    "latency_ps",
    "energy_pj",
    "energy_per_sample_pj",
    "power_w",
    "area_um2",
    "samples_to_target",
    "time_to_target_ps",
    "energy_to_target_pj",
    "updates_to_target",
    "pulses_to_target",
    "accuracy",
    "test_loss",
    "perplexity",
    "loss",
    "bubble_fraction",
    "samples_per_update",
    "step_per_sample",
    "tops",
    "tops_per_w",
    "tops_per_mm2",
    "energy_per_mac_pj",
    "macs_per_sample",
)
#: What is made of a metric that is no single number, or of two runs.
_DERIVED = ("progress_per_sample", "updates", "pulses", "staleness", "stages", "places")
_SHARES = tuple(f"placeholder_share_{what}" for what in ("time", "energy", "area"))

#: The columns of numbers of a comparison.
COMPARED_COLUMNS: tuple[str, ...] = (*COMPARED_METRICS, *_DERIVED, *_SHARES)


def compared_row(run: Run) -> dict[str, Any]:
    """Return what is compared of a run, by column.

    ``updates`` is that of its first stage, ``pulses`` the sum over the layers, ``staleness`` the largest mean of a
    stage (in updates), ``stages`` and ``places`` how many there are, ``placeholder_share_WHAT`` the share of time,
    energy or area that rests on placeholders. What the run lacks is NaN; ``progress_per_sample`` is left out, because
    it takes two runs.
    """
    metrics, seen = run.metrics, run.observations
    row: dict[str, Any] = {
        "schedule": str(run.settings["schedule"]["kind"]),
        "mode": str(run.settings["run"]["mode"]),
        **{name: _number(metrics.get(name)) for name in COMPARED_METRICS},
        "updates": float(seen.updates[0]) if seen.updates else math.nan,
        "pulses": float(sum(seen.pulses.values())) if seen.pulses else math.nan,
        "staleness": max(seen.staleness, default=math.nan),
        "stages": float(len(seen.places) or math.nan),
        "places": float(len({*seen.places}) or math.nan),
    }
    if not seen.makespan_ps:  # A run without a clock took no time that could be compared.
        row["makespan_ps"] = math.nan
    shares = metrics.get("placeholder_share")
    for column, what in zip(_SHARES, ("time", "energy", "area"), strict=True):
        row[column] = _number(shares.get(what)) if isinstance(shares, dict) else math.nan
    return row


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else math.nan
