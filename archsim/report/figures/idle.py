"""Where each stage's time goes: its actions and, up to the makespan, the causes of its waiting."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from archsim.report.causes import OTHER_CAUSES, cause_kind, cause_styles
from archsim.report.figures.stage_rows import stage_rows
from archsim.report.style import ACCENT, CARD, MUTED, plain_axes
from archsim.results import Run

__all__ = ["idle_by_stage", "stage_idle"]


def stage_idle(run: Run) -> dict[str, dict[str, int]]:
    """Return the idle time of every stage by kind of cause, in picoseconds, in the order of `stage_rows`."""
    idle: dict[str, dict[str, int]] = {name: {} for name in stage_rows(run).names}
    for (unit, cause), time in run.observations.idle_ps.items():
        if unit in idle:
            kind = cause_kind(cause)
            idle[unit][kind] = idle[unit].get(kind, 0) + time
    return idle


def idle_by_stage(run: Run) -> Figure | None:
    """Return stacked bars of busy and idle time by stage, or None for a run without a clock."""
    makespan, rows = run.observations.makespan_ps, stage_rows(run)
    idle = stage_idle(run)
    if not makespan or not idle:
        return None
    totals: dict[str, int] = {}
    for causes in idle.values():
        for kind, time in causes.items():
            totals[kind] = totals.get(kind, 0) + time
    kinds = sorted(totals, key=lambda kind: (-totals[kind], kind))
    styles = cause_styles(kinds)
    height = min(0.34, 7.0 / len(idle))
    figure = Figure(figsize=(4.6, 1.3 + height * len(idle)), layout="constrained")
    axes = figure.subplots()
    at = range(len(idle))
    # Whatever is not idle is busy: not only F, B and U, which the bubble fraction counts.
    left = [100 * (makespan - sum(causes.values())) / makespan for causes in idle.values()]
    axes.barh(at, left, height=0.68, color=ACCENT, edgecolor=CARD, linewidth=0.7, label="busy")
    for label, group in _legend(kinds, styles).items():
        width = [100 * sum(causes.get(kind, 0) for kind in group) / makespan for causes in idle.values()]
        fill, hatch = styles[group[0]]
        axes.barh(
            at, width, left=left, height=0.68, color=fill, edgecolor=CARD, hatch=hatch, linewidth=0.7, label=label
        )
        left = [a + b for a, b in zip(left, width, strict=True)]
    plain_axes(axes, grid="x")
    step = max(1, -(-len(idle) // 16))
    axes.set_yticks(list(at)[::step], rows.labels[::step])
    rows.separate(axes)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("share of the makespan (%)")
    figure.legend(loc="outside upper left", ncols=2, fontsize=8.5, frameon=False, labelcolor=MUTED)
    return figure


def _legend(kinds: list[str], styles: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for kind in kinds:
        groups.setdefault(kind if styles[kind][1] else OTHER_CAUSES, []).append(kind)
    return groups
