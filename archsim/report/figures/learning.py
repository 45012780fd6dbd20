"""How well the network does: accuracy and loss against samples, simulated time and energy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class _Line:
    """A column of the learning curve, what a legend calls it, and its colour."""

    column: str
    label: str
    colour: str


#: What stands in a row of panels, by the text of its axis.
_ROWS = (
    ("test accuracy", (_Line("test_accuracy", "test", ACCENT),)),
    ("perplexity (test)", (_Line("test_perplexity", "test", ACCENT),)),
    ("loss", (_Line("train_loss", "training", ACTION_COLOURS["B"]), _Line("test_loss", "test", ACCENT))),
)


def learning_curves(run: Run) -> Figure | None:
    """Return accuracy, perplexity and losses in rows against samples, time and energy in columns; None without any."""
    table = run.learning
    rows = [
        (text, curves) for text, row in _ROWS if (curves := [one for one in row if table[one.column].notna().any()])
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
    for i, (text, curves) in enumerate(rows):
        for j, (x, label) in enumerate(columns):
            panel = panels[0, i] if beside else panels[i, j]
            _draw(panel, x, table, curves)
            if len(curves) > 1 and not j:
                panel.legend(frameon=False, fontsize=8, labelcolor=INK)
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


def _draw(axes: Axes, x: pd.Series, table: pd.DataFrame, curves: Sequence[_Line]) -> None:
    """Draw the curves of a panel, and write the last accuracy or perplexity beside its point."""
    for line in curves:
        _curve(axes, x, table[line.column], line)
    _scale(axes, [table[line.column] for line in curves])
    first = curves[0].column
    if first == "test_accuracy":
        accuracy_axis(axes, table[first])
        _label_last(axes, x, table[first], lambda accuracy: f"{100 * accuracy:.1f} %")
    elif first == "test_perplexity":
        _label_last(axes, x, table[first], "{:.2f}".format)


def _curve(axes: Axes, x: pd.Series, y: pd.Series, line: _Line) -> None:
    there = x.notna() & y.notna()
    few = there.sum() <= 40
    axes.plot(
        x[there],
        y[there],
        color=line.colour,
        label=line.label,
        linewidth=1.8,
        marker="o" if few else None,
        markersize=3.6,
        solid_capstyle="round",
        clip_on=False,
    )
    plain_axes(axes, grid="y")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.set_xlim(left=0)


def _scale(axes: Axes, shown: Sequence[pd.Series]) -> None:
    if min(y.min() for y in shown) >= 0:
        # Up to the tick above the curves, so that their beginning does not end in the panel above.
        largest = max(float(y.max()) for y in shown)
        top = max(MaxNLocator(nbins=5).tick_values(0, largest)) if math.isfinite(largest) and largest > 0 else 1.0
        axes.set_ylim(0, top)


def _label_last(axes: Axes, x: pd.Series, y: pd.Series, write: Callable[[float], str]) -> None:
    """Write the last number beside its point."""
    there = x.notna() & y.notna()
    last = float(y[there].iloc[-1])
    axes.annotate(
        write(last),
        (float(x[there].iloc[-1]), last),
        xytext=(0, -11),
        textcoords="offset points",
        ha="right",
        color=INK,
        fontsize=8.5,
    )
