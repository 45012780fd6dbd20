"""Figures of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from combinations import ALGORITHMS, DEVICES, SCHEDULES, TARGETS
from combinations_claims import to_target
from matplotlib.axes import Axes
from study import figure

from archsim.units import format_duration, format_energy

__all__ = ["draw"]

LOOK: dict[str, dict[str, Any]] = {
    "sequential": {"color": "C7", "lw": 3.2, "alpha": 0.6},
    "synchronous": {"color": "C0", "lw": 1.3},
    "zb-h2": {"color": "C2", "lw": 1.3, "ls": "--"},
    "asynchronous": {"color": "C3", "lw": 1.3, "ls": ":"},
}
COLOURS = dict(zip(ALGORITHMS, ("C0", "C1", "C2", "C4"), strict=True))
#: Column of the learning curve, divisor and label of each row of panels.
ROWS = (
    ("samples", 1e3, "thousand samples"),
    ("time_ps", 1e9, "simulated time [ms]"),
    ("energy_pj", 1e9, "energy [mJ]"),
)


def draw(folder: Path, results: pd.DataFrame, learning: pd.DataFrame) -> None:
    """Draw learning curves of each device, the four algorithms beside each other, and the table to the target."""
    for device in DEVICES:
        _curves(folder / f"learning_{device.lower()}.svg", device, learning[learning.device == device])
    _winners(folder / "winners.svg", learning)
    _heat(folder / "to_target.svg", results, learning)


def _line(axes: Axes, curves: pd.DataFrame, column: str, unit: float, look: dict[str, Any], label: str) -> None:
    """Draw the mean over seeds, and their range as a band."""
    by = curves.groupby("samples")
    where = by[column].mean() / unit
    axes.plot(where, by.accuracy.mean(), label=label, **look)
    axes.fill_between(where, by.accuracy.min(), by.accuracy.max(), color=look["color"], alpha=0.12, lw=0)


def _curves(path: Path, device: str, learning: pd.DataFrame) -> None:
    """Draw accuracy against samples, time and energy: a row for each, a column for each algorithm."""
    with figure(path, 10, 6.6) as drawn:
        panels = drawn.subplots(len(ROWS), len(ALGORITHMS), sharey=True)
        for row, (column, unit, label) in zip(panels, ROWS, strict=True):
            for axes, algorithm in zip(row, ALGORITHMS, strict=True):
                for schedule in SCHEDULES:
                    curves = learning[(learning.algorithm == algorithm) & (learning.schedule == schedule)]
                    if len(curves):
                        _line(axes, curves, column, unit, LOOK[schedule], schedule)
                axes.axhline(TARGETS[device], color="k", lw=0.6)
                axes.set(xlabel=label, xlim=(0, None), ylim=(0, 100))
                axes.locator_params(axis="x", nbins=4)
                axes.grid(alpha=0.3)
            row[0].set_ylabel("test accuracy [%]")
        for axes, algorithm in zip(panels[0], ALGORITHMS, strict=True):
            axes.set_title(algorithm, fontsize=10)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside upper center", ncols=len(SCHEDULES), frameon=False)


def _winners(path: Path, learning: pd.DataFrame) -> None:
    """Draw accuracy against time, a panel for each device: colour says the algorithm, style the schedule."""
    with figure(path, 7.5, 3.1) as drawn:
        for axes, device in zip(drawn.subplots(1, len(DEVICES), sharey=True), DEVICES, strict=True):
            for algorithm in ALGORITHMS:
                for schedule, style in (("asynchronous", "-"), ("sequential", ":")):
                    curves = learning[
                        (learning.device == device)
                        & (learning.algorithm == algorithm)
                        & (learning.schedule == schedule)
                    ]
                    if len(curves):
                        look = {"color": COLOURS[algorithm], "ls": style, "lw": 1.4}
                        label = algorithm if style == "-" else "_"
                        _line(axes, curves, "time_ps", 1e9, look, label)
            axes.axhline(TARGETS[device], color="k", lw=0.6)
            axes.set(xscale="log", xlabel="simulated time [ms]", ylim=(0, 100), title=device)
            axes.grid(alpha=0.3)
        drawn.axes[0].set_ylabel("test accuracy [%]")
        drawn.axes[0].plot([], [], "k-", lw=1.4, label="asynchronous")
        drawn.axes[0].plot([], [], "k:", lw=1.4, label="sequential")
        handles, labels = drawn.axes[0].get_legend_handles_labels()
        drawn.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, fontsize=8)


def _heat(path: Path, results: pd.DataFrame, learning: pd.DataFrame) -> None:
    """Draw time and energy to the target, each as a table whose colours say how much (logarithmic)."""
    reached = to_target(learning).reset_index()
    runs = results.groupby(["device", "algorithm", "schedule"]).seed.count()
    with figure(path, 9, 5.2) as drawn:
        panels = drawn.subplots(len(DEVICES), 2)
        for row, device in zip(panels, DEVICES, strict=True):
            there = reached[reached.device == device].groupby(["algorithm", "schedule"])
            quantities = (("time_ps", "time", format_duration), ("energy_pj", "energy", format_energy))
            for axes, (column, name, shown) in zip(row, quantities, strict=True):
                means, seeds = there[column].mean(), there.seed.count()
                cells = np.full((len(ALGORITHMS), len(SCHEDULES)), np.nan)
                for i, algorithm in enumerate(ALGORITHMS):
                    for j, schedule in enumerate(SCHEDULES):
                        text, done = "not reached", int(runs.get((device, algorithm, schedule), 0))
                        if (algorithm, schedule) in means.index:
                            cells[i, j] = np.log10(means[algorithm, schedule])
                            text = shown(means[algorithm, schedule])
                            if seeds[algorithm, schedule] < done:
                                text += f"\n{seeds[algorithm, schedule]} of {done} seeds"
                        axes.text(j, i, text if done else "not run", ha="center", va="center", fontsize=7)
                low = np.nanmin(cells, initial=np.inf)
                if np.isfinite(low):
                    # Up to a hundred times the least, in colours on which black can be read.
                    axes.imshow(cells, cmap="YlOrRd", aspect="auto", alpha=0.7, vmin=low, vmax=low + 2.5)
                else:
                    axes.set(xlim=(-0.5, len(SCHEDULES) - 0.5), ylim=(len(ALGORITHMS) - 0.5, -0.5))
                axes.set_title(f"{name} to {TARGETS[device]} % on {device}", fontsize=10)
                axes.set_xticks(range(len(SCHEDULES)), SCHEDULES, fontsize=8)
                axes.set_yticks(range(len(ALGORITHMS)), ALGORITHMS, fontsize=8)
                axes.tick_params(length=0)
