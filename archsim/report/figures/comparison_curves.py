"""Accuracy or perplexity of several runs against simulated time and energy: means over seeds, with their spread."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from matplotlib.figure import SubFigure
from matplotlib.ticker import MaxNLocator

from archsim.report.figures.accuracy_axis import accuracy_axis
from archsim.report.scales import Scale, energy_scale, time_scale
from archsim.report.style import MUTED, SERIES, plain_axes, plain_text
from archsim.results import Run, RunCollection

__all__ = ["curve_columns", "draw_curves"]

#: A second mark, where there are more points than colours.
_LINE_STYLES = ("-", "--", ":", "-.")
#: Where the longest run takes so many times the time of the shortest, the axis of time is logarithmic.
_WIDEST = 20

_TEXTS = {"time_ps": "simulated time", "energy_pj": "energy", "samples": "trained samples"}


def curve_columns(runs: RunCollection) -> list[str]:
    """Return the columns of learning curves against which there is something to draw; none without it."""
    measure = _measure(runs)
    learnt = [run for run in runs if run.learning[measure].notna().any()]
    if not learnt:
        return []
    return [name for name in ("time_ps", "energy_pj") if any(run.learning[name].gt(0).any() for run in learnt)] or [
        "samples"
    ]


def draw_curves(figure: SubFigure, runs: RunCollection) -> None:
    """Draw accuracy against each of `curve_columns`, a line for each point; of models of sequences, perplexity."""
    columns, measure = curve_columns(runs), _measure(runs)
    panels = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    drawn: list[float] = []
    for panel, column in zip(panels, columns, strict=True):
        ends: list[float] = []
        scale = _scale(column, runs)
        for i, (name, by_seed) in enumerate(runs.points.items()):
            where, found = _stacked(by_seed.values(), column, measure)
            if not len(found):
                continue
            x, mean, colour = where.mean(axis=0) / scale.factor, found.mean(axis=0), SERIES[i % len(SERIES)]
            ends.append(float(x[-1]))
            style = _LINE_STYLES[i // len(SERIES) % len(_LINE_STYLES)]
            panel.plot(
                x, mean, color=colour, linestyle=style, linewidth=1.6, marker="o", markersize=3, label=plain_text(name)
            )
            spread = found.std(axis=0, ddof=1) if len(found) > 1 else np.zeros(len(mean))
            drawn += [*(mean - spread), *(mean + spread)]
            if len(found) > 1:
                panel.fill_between(x, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
        plain_axes(panel, grid="y")
        if column == "time_ps" and max(ends, default=0.0) > _WIDEST * min(ends, default=0.0):
            panel.set_xscale("log")
        else:
            panel.set_xlim(left=0)
            panel.xaxis.set_major_locator(MaxNLocator(nbins=6))
        panel.set_xlabel(_TEXTS[column] + (f" ({scale.unit})" if scale.unit else ""))
    for panel in panels if measure == "test_accuracy" else ():
        accuracy_axis(panel, drawn)
    panels[0].set_ylabel("test accuracy" if measure == "test_accuracy" else "perplexity (test)")
    if len(runs.points) > 1:
        # Above the curves, not on them: nobody knows where they run.
        handles, labels = max((panel.get_legend_handles_labels() for panel in panels), key=lambda found: len(found[1]))
        figure.legend(handles, labels, loc="outside upper left", ncols=4, fontsize=8, frameon=False, labelcolor=MUTED)


def _measure(runs: RunCollection) -> str:
    """Return the column of learning curves that is drawn: perplexity, where every run that was evaluated tells it."""
    tested = [run.learning for run in runs if run.learning["test_loss"].notna().any()]
    every = bool(tested) and all(table["test_perplexity"].notna().any() for table in tested)
    return "test_perplexity" if every else "test_accuracy"


def _scale(column: str, runs: RunCollection) -> Scale:
    largest = [float(run.learning[column].max()) for run in runs if len(run.learning)]
    if column == "samples":
        return Scale(1.0, "")
    return (time_scale if column == "time_ps" else energy_scale)(largest)


def _stacked(runs: Iterable[Run], column: str, measure: str) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return positions and what was measured [runs, evaluations], as many evaluations as all runs have."""
    tables = [run.learning[run.learning[measure].notna()] for run in runs]
    # Without a clock every time is 0, and no energy is known.
    tables = [table for table in tables if len(table) and table[column].notna().all() and table[column].max() > 0]
    length = min((len(table) for table in tables), default=0)
    if not length:
        return np.empty((0, 0)), np.empty((0, 0))
    where = np.array([table[column].to_numpy(dtype=np.float64)[:length] for table in tables])
    return where, np.array([table[measure].to_numpy(dtype=np.float64)[:length] for table in tables])
