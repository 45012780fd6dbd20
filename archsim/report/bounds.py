"""What bounds the time of a run, and its bubble by cause: rows for a person, in the terminal and in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from archsim.explanation import percent, shares_text
from archsim.report.causes import cause_kind
from archsim.results import Run
from archsim.results.bottleneck import unit_name

__all__ = ["BoundRow", "bound_note", "bound_rows", "bubble_rows", "bubble_shares"]

_MOST = 6

Row = dict[Hashable, Any]


@dataclass(frozen=True, slots=True)
class BoundRow:
    """A unit on the critical path: how long, in which actions, and what half its time would gain."""

    unit: str
    share: str
    actions: str
    gain: str


def bound_rows(run: Run) -> list[BoundRow]:
    """Return the units that would gain most, and all of each component of several; none without a critical path."""
    found = run.critical_path
    if found is None:
        return []
    units: list[Row] = found.units.to_dict("records")
    single = [own for own in units if own["unit"] and not own["action"]]
    count = Counter(own["component"] for own in single)
    alike = [own for own in units if not own["unit"] and not own["action"] and count[own["component"]] > 1]
    return [_row(own, units) for own in (*single[:_MOST], *alike)]


def _row(own: Row, units: list[Row]) -> BoundRow:
    parts = [part for part in units if part["action"] and _same(part, own)]
    component = str(own["component"]).replace("_", " ")
    stage: int | None = None if pd.isna(own["stage"]) else int(own["stage"])
    return BoundRow(
        unit_name(own["unit"], own["component"], stage, own["layer"]) if own["unit"] else f"all {component}s",
        percent(own["share"]),
        shares_text({part["action"]: part["share"] for part in parts}),
        "-" if pd.isna(own["gain"]) else percent(own["gain"]),
    )


def _same(one: Row, other: Row) -> bool:
    return (one["unit"], one["component"]) == (other["unit"], other["component"])


def bound_note(run: Run) -> str:
    """Return how far the gains reach."""
    found = run.critical_path
    if found is None or found.exact:
        return ""
    if found.of_jobs:
        return "Gains are estimates: all jobs in the same order at every unit, behind what they were seen to wait for."
    return "Gains are estimates: within an action the jobs that decided its end, in the same order at every unit."


def bubble_shares(run: Run) -> dict[str, float]:
    """Return the share of the bubble by kind of cause; they add up to it."""
    shares: dict[str, float] = {}
    for cause, share in zip(run.bubble["cause"], run.bubble["share"], strict=True):
        shares[cause_kind(cause)] = shares.get(cause_kind(cause), 0.0) + float(share)
    return shares


def bubble_rows(run: Run) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return headings and rows: the idle shares of each place by kind of cause, those of the largest first."""
    makespan = run.observations.makespan_ps
    table = run.bubble.assign(kind=run.bubble["cause"].map(cause_kind))
    shares = table.pivot_table(index="place", columns="kind", values="idle_ps", aggfunc="sum", fill_value=0) / makespan
    kinds = sorted(shares.columns, key=lambda kind: -shares[kind].sum())
    rows = []
    for place, _ in enumerate(run.observations.place_busy_ps):
        own = [float(shares[kind].get(place, 0.0)) for kind in kinds]
        rows.append((f"place {place}", percent(sum(own)), *(percent(share) if share else "" for share in own)))
    return ("", "idle", *kinds), rows
