"""Runs side by side: time, energy, power and accuracy; accuracy against time and energy; their stages in time."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from archsim.report.figures.comparison_curves import curve_columns, draw_curves
from archsim.report.figures.comparison_timelines import draw_timelines, timeline_height
from archsim.report.scales import energy_scale, power_scale, short, time_scale
from archsim.report.style import INK, MUTED, SERIES, plain_axes, plain_text
from archsim.results import RunCollection

__all__ = ["comparison"]

_WIDTH = 9.2
_CURVES_HEIGHT = 2.7


def comparison(runs: RunCollection) -> Figure:
    """Return bars, learning curves and timelines of some runs, one below the other; parts without data are left out.

    Bars are means over the seeds, with the sample standard deviation as error bars where there are several.

    Parameters
    ----------
    runs : RunCollection
        The runs.
    """
    table = runs.summary()
    columns = _bar_columns(table)
    heights = {"bars": 0.75 + 0.34 * len(table) if columns else 0.0}
    heights["curves"] = _CURVES_HEIGHT if curve_columns(runs) else 0.0
    heights["timelines"] = timeline_height(runs)
    parts = [name for name, height in heights.items() if height]
    if not parts:
        return Figure(figsize=(_WIDTH, 0.5))
    shown = [heights[part] for part in parts]
    figure = Figure(figsize=(_WIDTH, sum(shown)), layout="constrained")
    places = dict(zip(parts, figure.subfigures(len(parts), 1, squeeze=False, height_ratios=shown)[:, 0], strict=True))
    if "bars" in places:
        _bars(places["bars"], table, columns)
    if "curves" in places:
        draw_curves(places["curves"], runs)
    if "timelines" in places:
        draw_timelines(places["timelines"], runs)
    return figure


def _bar_columns(table: pd.DataFrame) -> list[tuple[str, float, str]]:
    """Return metric, divisor and title of every panel that has data."""
    time = time_scale(table["time_per_sample_ps"])
    energy = energy_scale(table["energy_per_sample_pj"])
    power = power_scale(table["power_w"])
    columns = (
        ("time_per_sample_ps", time.factor, f"time per sample ({time.unit})"),
        ("energy_per_sample_pj", energy.factor, f"energy per sample ({energy.unit})"),
        ("power_w", power.factor, f"power ({power.unit})"),
        ("accuracy", 0.01, "test accuracy (%)"),
        ("perplexity", 1.0, "perplexity (test)"),
    )
    # The textbook chip has no energies: zeros tell nothing.
    return [column for column in columns if table[column[0]].gt(0).any()]


def _bars(figure: SubFigure, table: pd.DataFrame, columns: list[tuple[str, float, str]]) -> None:
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    for panel, (metric, divisor, title) in zip(panels, columns, strict=True):
        _panel(panel, table[metric] / divisor, table[f"{metric}_std"] / divisor, title)
    panels[0].set_yticks(range(len(table)), [plain_text(str(name)) for name in table["run"]])
    panels[0].invert_yaxis()


def _panel(axes: Axes, values: pd.Series, spreads: pd.Series, title: str) -> None:
    colours = [SERIES[i % len(SERIES)] for i in range(len(values))]
    axes.barh(range(len(values)), values.fillna(0.0), height=0.62, color=colours)
    for row, (value, spread) in enumerate(zip(values, spreads, strict=True)):
        there = value == value
        if spread == spread and spread > 0:
            axes.errorbar(value, row, xerr=spread, color=INK, capsize=2.5, elinewidth=0.9, capthick=0.9)
        text = short(value) if there else "—"
        if spread == spread and spread > 0:
            text = f"{value:.4g} ± {spread:.2g}"
        axes.annotate(
            text,
            ((value + (spread if spread == spread else 0.0)) if there else 0.0, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=INK if there else MUTED,
            fontsize=8.5,
        )
    plain_axes(axes)
    axes.set_xticks([])
    largest = values.max()
    room = 1.75 if spreads.gt(0).any() else 1.38
    axes.set_xlim(0, (largest if largest > 0 else 1.0) * room)
    axes.set_title(title, loc="left", fontsize=9, color=INK)
