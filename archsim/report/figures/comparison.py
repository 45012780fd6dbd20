"""Runs side by side: time, energy, power and accuracy."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archsim.report.scales import energy_scale, power_scale, short, time_scale
from archsim.report.style import INK, MUTED, SERIES, plain_axes

__all__ = ["comparison"]


def comparison(table: pd.DataFrame) -> Figure:
    """Return bars of time and energy per sample, power and accuracy for each run.

    Parameters
    ----------
    table : DataFrame
        From `archsim.results.compare_runs`.
    """
    time = time_scale(table["time_per_sample_ps"])
    energy = energy_scale(table["energy_per_sample_pj"])
    power = power_scale(table["power_w"])
    columns = (
        (table["time_per_sample_ps"] / time.factor, f"time per sample ({time.unit})"),
        (table["energy_per_sample_pj"] / energy.factor, f"energy per sample ({energy.unit})"),
        (table["power_w"] / power.factor, f"power ({power.unit})"),
        (table["accuracy"] * 100, "test accuracy (%)"),
    )
    figure = Figure(figsize=(9.2, 1.0 + 0.36 * len(table)), layout="constrained")
    panels = figure.subplots(1, len(columns), sharey=True)
    for panel, (values, title) in zip(panels, columns, strict=True):
        _bars(panel, values, title)
    panels[0].set_yticks(range(len(table)), [str(name).replace("$", r"\$") for name in table["run"]])
    panels[0].invert_yaxis()
    return figure


def _bars(axes: Axes, values: pd.Series, title: str) -> None:
    colours = [SERIES[i % len(SERIES)] for i in range(len(values))]
    axes.barh(range(len(values)), values.fillna(0.0), height=0.62, color=colours)
    for row, value in enumerate(values):
        axes.annotate(
            short(value) if value == value else "—",
            (value if value == value else 0.0, row),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=INK if value == value else MUTED,
            fontsize=8.5,
        )
    plain_axes(axes)
    axes.set_xticks([])
    largest = values.max()
    axes.set_xlim(0, (largest if largest > 0 else 1.0) * 1.38)
    axes.set_title(title, loc="left", fontsize=9, color=INK)
