"""The stage timeline: a Gantt chart of the start of the run and of a steady part of it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from archsim.report.causes import OTHER_CAUSES, cause_kind, cause_styles
from archsim.report.figures.idle import stage_idle
from archsim.report.figures.stage_rows import StageRows, stage_rows
from archsim.report.scales import time_scale
from archsim.report.style import ACTION_COLOURS, CARD, INK, MUTED, OTHER_COLOUR, label_colour, plain_axes
from archsim.results import Run
from archsim.results.slices import TIMELINE_COLUMNS

__all__ = ["draw_stages", "idle_kinds", "legend_handles", "stage_slices", "stage_timeline", "windows"]

_LABEL_PART = 0.016
_MOST_SLICES = 4000
_MOST_LABELLED_STAGES = 16
_IDLE_ALPHA = 0.65


def stage_timeline(run: Run) -> Figure | None:
    """Return a Gantt chart of the stages, or None if no slices were stored."""
    rows = stage_rows(run)
    if not rows.names or not run.slices.count:
        return None
    shown = windows(run)
    height = min(0.34, 7.0 / len(rows.names))
    figure = Figure(figsize=(9.2, len(shown) * (0.62 + height * len(rows.names)) + 0.45), layout="constrained")
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    styles = cause_styles(idle_kinds(run))
    seen: set[str] = set()
    for panel, title, window in zip(panels, ("Start", "Steady"), shown, strict=False):
        part = stage_slices(run, window)
        lasting = part[part["end_ps"] > part["start_ps"]]
        seen |= set(lasting["action"]) | {cause_kind(cause) for cause in lasting["cause"].unique() if cause}
        draw_stages(panel, part, rows, window, styles)
        if len(shown) > 1:
            panel.set_title(title, loc="left", fontsize=9.5, color=INK)
    handles = legend_handles(seen, styles)
    columns = len(handles) if len(handles) <= 6 else -(-len(handles) // 2)
    figure.legend(
        handles=handles, loc="outside upper left", ncols=columns, fontsize=8.5, frameon=False, labelcolor=MUTED
    )
    return figure


def windows(run: Run) -> list[tuple[int, int]]:
    """Return the intervals to show, in picoseconds: all of a short run, else its start and a part from its middle.

    Both parts are equally long, and about as long as the stages need for a few dozen micro-batches.
    """
    stages, makespan = len(run.observations.stages), run.observations.makespan_ps
    last = max((part["micro_batch"].fillna(-1).max() for part in run.slices.select(["micro_batch"])), default=-1)
    wanted = max(8, min(2 * stages + 4, _MOST_SLICES // (3 * stages)))
    width = makespan * wanted // max(1, int(last) + 1)
    if width * 3 >= makespan * 2:
        return [(0, makespan)]
    part = stage_slices(run, (makespan // 2, makespan // 2 + width))
    forward = part[(part["action"] == "F") & (part["start_ps"] >= makespan // 2)]
    middle = int(forward["start_ps"].min()) if len(forward) else makespan // 2
    return [(0, width), (middle, min(makespan, middle + width))]


def stage_slices(run: Run, window_ps: tuple[int, int]) -> pd.DataFrame:
    """Return the slices of a run's stages within a part of the simulated time."""
    parts = [
        part.astype(dict.fromkeys(("unit", "layer", "action", "cause"), "str"))
        for part in run.slices.select(window_ps=window_ps, units=run.observations.stages)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(TIMELINE_COLUMNS))


def draw_stages(
    axes: Axes, part: pd.DataFrame, shown: StageRows, window: tuple[int, int], styles: dict[str, tuple[str, str]]
) -> None:
    """Draw slices of stages into a panel: filled where a stage works, hatched where it waits."""
    names, (start, end) = shown.names, window
    factor, unit = time_scale([end])
    begins = part["start_ps"].clip(lower=start).to_numpy() / factor
    lasts = part["end_ps"].clip(upper=end).to_numpy() / factor - begins
    rows = part["unit"].map({name: i for i, name in enumerate(names)}).astype("int64").tolist()
    kinds = [action or cause_kind(cause) for action, cause in zip(part["action"], part["cause"], strict=True)]
    groups: dict[tuple[int, str], list[tuple[float, float]]] = {}
    for row, kind, begin, last in zip(rows, kinds, begins, lasts, strict=True):
        groups.setdefault((row, kind), []).append((float(begin), float(last)))
    for (row, kind), bars in groups.items():
        if kind in styles:
            fill, hatch = styles[kind]
            axes.broken_barh(
                bars, (row - 0.34, 0.68), facecolor="none", edgecolor=fill, hatch=hatch, linewidth=0, alpha=_IDLE_ALPHA
            )
        else:
            colour = ACTION_COLOURS.get(kind, OTHER_COLOUR)
            axes.broken_barh(bars, (row - 0.41, 0.82), facecolor=colour, edgecolor=CARD, linewidth=0.7)
    if len(names) <= _MOST_LABELLED_STAGES:
        numbers = part["micro_batch"].to_numpy(dtype="float64", na_value=float("nan"))
        for row, kind, begin, last, number in zip(rows, kinds, begins, lasts, numbers, strict=True):
            if kind not in styles and number == number and last > _LABEL_PART * (end - start) / factor:
                axes.text(
                    begin + last / 2,
                    row,
                    f"{number:.0f}",
                    color=label_colour(kind),
                    fontsize=7,
                    ha="center",
                    va="center",
                )
    plain_axes(axes)
    shown.separate(axes)
    axes.set_xlim(start / factor, end / factor)
    axes.set_ylim(len(names) - 0.4, -0.6)
    step = 1 if len(names) <= _MOST_LABELLED_STAGES else -(-len(names) // 8)
    axes.set_yticks(range(0, len(names), step), shown.labels[::step])
    axes.set_xlabel(f"simulated time ({unit})")


def legend_handles(seen: set[str], styles: dict[str, tuple[str, str]]) -> list[Patch]:
    """Return what a legend shows of the kinds of slices that were seen."""
    texts = {
        "F": "F forward",
        "L": "L layer-serial forward",
        "B": "B backward",
        "U": "U update",
        "T": "T transfer",
        "P": "P program",
        "C": "C copy",
    }
    handles = [Patch(facecolor=ACTION_COLOURS[kind], label=text) for kind, text in texts.items() if kind in seen]
    others = False
    for kind, (fill, hatch) in styles.items():
        if kind in seen and hatch:
            handles.append(
                Patch(facecolor="none", edgecolor=fill, hatch=hatch, linewidth=0, alpha=0.8, label=f"idle: {kind}")
            )
        others = others or (kind in seen and not hatch)
    if others:
        handles.append(Patch(facecolor="none", edgecolor=OTHER_COLOUR, linewidth=0.5, label=f"idle: {OTHER_CAUSES}"))
    return handles


def idle_kinds(run: Run) -> list[str]:
    """Return the kinds of causes for which stages waited, the longest waits first."""
    totals: dict[str, int] = {}
    for causes in stage_idle(run).values():
        for kind, time in causes.items():
            totals[kind] = totals.get(kind, 0) + time
    return sorted(totals, key=lambda kind: (-totals[kind], kind))
