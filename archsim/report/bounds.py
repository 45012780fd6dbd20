"""What bounds the time of a run, and its bubble by cause: rows for a person, in the terminal and in the report."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from archsim.explanation import percent, shares_text
from archsim.report.causes import cause_kind
from archsim.results import Run
from archsim.results.bottleneck import unit_name

__all__ = ["BoundRow", "bound_note", "bound_rows", "bubble_rows", "bubble_shares"]

_MOST = 6


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
    units = found.units
    whole = units[units["action"] == ""]
    single = whole[whole["unit"] != ""]
    several = set(single["component"].value_counts().loc[lambda counts: counts > 1].index)
    alike = whole[(whole["unit"] == "") & whole["component"].isin(several)]
    rows = []
    for own in (*single.head(_MOST).itertuples(), *alike.itertuples()):
        parts = units[(units["unit"] == own.unit) & (units["component"] == own.component) & (units["action"] != "")]
        stage = None if pd.isna(own.stage) else int(own.stage)
        name = f"all {own.component.replace('_', ' ')}s" if not own.unit else ""
        rows.append(
            BoundRow(
                name or unit_name(own.unit, own.component, stage, own.layer),
                percent(own.share),
                shares_text(dict(zip(parts["action"], parts["share"], strict=True))),
                "-" if own.gain != own.gain else percent(own.gain),
            )
        )
    return rows


def bound_note(run: Run) -> str:
    """Return how far the gains reach."""
    found = run.critical_path
    if found is None or found.exact:
        return ""
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
