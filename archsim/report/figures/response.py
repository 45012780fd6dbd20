"""What pulses do to a device: its weight along a train, and its step along the weight."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from archsim.analog.devices.curves import Curves
from archsim.report.responses import response_numbers
from archsim.report.scales import short
from archsim.report.style import ACCENT, ACTION_COLOURS, INK, MUTED, ShownFigure, plain_axes

__all__ = ["response_figure"]

_DOWN = ACTION_COLOURS["B"]
#: Single cells that are drawn beside the mean device.
_SHOWN = 4
_BAND = (10, 90)


def response_figure(curves: Curves, name: str) -> Figure:
    """Return weight against pulses (left) and step against weight (right).

    Parameters
    ----------
    curves : Curves
        What pulses did.
    name : str
        What the device is called.
    """
    figure = ShownFigure(figsize=(8.2, 2.9), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.06))
    train, step = figure.subplots(1, 2, width_ratios=(1.5, 1.0))
    _draw_train(train, curves)
    _draw_steps(step, curves)
    title = f"{name}: {response_numbers(curves)}".replace("$", r"\$")
    figure.suptitle(title, x=0.015, ha="left", fontsize=10, color=INK)
    for axes in (train, step):
        plain_axes(axes, grid="y")
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return figure


def _draw_train(axes: Axes, curves: Curves) -> None:
    low, high = np.percentile(curves.cells, _BAND, axis=1)
    axes.fill_between(curves.pulses, low, high, color=ACCENT, alpha=0.16, linewidth=0, label="10 to 90 % of cells")
    for cell in curves.cells.T[:_SHOWN]:
        axes.plot(curves.pulses, cell, color=ACCENT, linewidth=0.6, alpha=0.55)
    axes.plot(curves.pulses, curves.mean, color=INK, linewidth=1.6, label="mean device")
    axes.axvline(curves.up_pulses, color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
    axes.set_xlim(0, 2 * curves.up_pulses)
    axes.set_xlabel(f"pulses: {short(curves.up_pulses)} up, then as many down")
    axes.set_ylabel("weight")
    _legend(axes)


def _draw_steps(axes: Axes, curves: Curves) -> None:
    unit = curves.granularity
    axes.axhline(0.0, color=MUTED, linewidth=0.8)
    for change, colour, label in ((curves.step_up, ACCENT, "up pulse"), (curves.step_down, _DOWN, "down pulse")):
        axes.plot(curves.weights, change / unit, color=colour, linewidth=1.6, label=label)
    axes.set_xlim(curves.weights[0], curves.weights[-1])
    axes.set_xlabel("weight")
    axes.set_ylabel(f"mean step / {unit:.3g}")
    _legend(axes)


def _legend(axes: Axes) -> None:
    """Put the legend above the axes, where no curve runs."""
    axes.legend(
        frameon=False,
        fontsize=8,
        labelcolor=MUTED,
        loc="lower right",
        bbox_to_anchor=(1.0, 0.99),
        ncols=2,
        borderpad=0.1,
        handlelength=1.4,
        columnspacing=1.2,
    )
