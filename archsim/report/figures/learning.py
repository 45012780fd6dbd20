"""How well the network does: accuracy and loss against samples, simulated time and energy."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from archsim.report.figures.accuracy_axis import accuracy_axis
from archsim.report.scales import energy_scale, time_scale
from archsim.report.style import ACCENT, ACTION_COLOURS, INK, plain_axes
from archsim.results import Run

__all__ = ["learning_curves"]


def learning_curves(run: Run) -> Figure | None:
    """Return accuracy and loss in rows against samples, time and energy in columns; None without any."""
    table = run.learning
    rows = [
        (name, text, colour)
        for name, text, colour in (
            ("test_accuracy", "test accuracy", ACCENT),
            ("train_loss", "training loss", ACTION_COLOURS["B"]),
        )
        if table[name].notna().any()
    ]
    if not rows:
        return None
    columns = _against(run)
    # Against samples alone, accuracy and loss stand beside each other.
    beside = len(columns) == 1
    shape = (1, len(rows)) if beside else (len(rows), len(columns))
    figure = Figure(figsize=(9.2, 0.45 + 1.85 * shape[0]), layout=ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.09))
    panels = figure.subplots(
        *shape, squeeze=False, sharey=False if beside else "row", sharex=False if beside else "col"
    )
    for i, (name, text, colour) in enumerate(rows):
        for j, (x, label) in enumerate(columns):
            panel = panels[0, i] if beside else panels[i, j]
            _curve(panel, x, table[name], colour)
            if name == "test_accuracy":
                accuracy_axis(panel, table[name])
                _label_last(panel, x, table[name])
            if beside or i == len(rows) - 1:
                panel.set_xlabel(label)
            if j == 0:
                panel.set_ylabel(text)
    return figure


def _against(run: Run) -> list[tuple[pd.Series, str]]:
    table = run.learning
    found = [(table["samples"], "trained samples")]
    if run.observations.makespan_ps:
        times = table["time_ps"].astype("float64")
        scale = time_scale(times)
        found.append((times / scale.factor, f"simulated time ({scale.unit})"))
    if table["energy_pj"].notna().any() and table["energy_pj"].max() > 0:
        scale = energy_scale(table["energy_pj"])
        found.append((table["energy_pj"] / scale.factor, f"energy ({scale.unit})"))
    return found


def _curve(axes: Axes, x: pd.Series, y: pd.Series, colour: str) -> None:
    there = x.notna() & y.notna()
    few = there.sum() <= 40
    axes.plot(
        x[there],
        y[there],
        color=colour,
        linewidth=1.8,
        marker="o" if few else None,
        markersize=3.6,
        solid_capstyle="round",
        clip_on=False,
    )
    plain_axes(axes, grid="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlim(left=0)
    if y[there].min() >= 0:
        # Up to the tick above the curve, so that its beginning does not end in the panel above.
        largest = float(y[there].max())
        top = max(MaxNLocator(nbins=5).tick_values(0, largest)) if math.isfinite(largest) and largest > 0 else 1.0
        axes.set_ylim(0, top)


def _label_last(axes: Axes, x: pd.Series, y: pd.Series) -> None:
    """Write the last accuracy beside its point."""
    there = x.notna() & y.notna()
    last = float(y[there].iloc[-1])
    axes.annotate(
        f"{100 * last:.1f} %",
        (float(x[there].iloc[-1]), last),
        xytext=(0, -11),
        textcoords="offset points",
        ha="right",
        color=INK,
        fontsize=8.5,
    )
