"""The points of a sweep in one plane: what is gained against what it costs, and those that nothing beats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archsim.report.figures.accuracy_axis import accuracy_axis
from archsim.report.figures.point_numbers import number_points
from archsim.report.scales import Scale, energy_scale, time_scale
from archsim.report.style import INK, MUTED, SERIES, plain_axes, plain_text

__all__ = ["design_space", "undominated"]

_MARKERS = "osD^vP*X"
_MOST_LABELS = 12


class _Quantity(NamedTuple):
    column: str
    label: str
    scale: Scale
    #: +1 where more is better, -1 where less is.
    sign: int

    def values(self, table: pd.DataFrame) -> pd.Series:
        return table[self.column] / self.scale.factor

    def spreads(self, table: pd.DataFrame) -> pd.Series:
        return (table[f"{self.column}_std"] / self.scale.factor).fillna(0.0)


def design_space(points: pd.DataFrame, keys: Sequence[str]) -> Figure | None:
    """Return accuracy against energy, or of accuracy, energy and time those two that there are; None for fewer.

    A line joins the points that no other one beats in both; error bars are sample standard deviations over the seeds.
    Colours tell the values of the first key, markers those of the second. Points bear the number of their row, from 1.

    Parameters
    ----------
    points : DataFrame
        One row for each point, with the columns of ``points.csv``.
    keys : sequence of str
        The keys that vary, which are columns of `points`.
    """
    quantities = _quantities(points)
    if len(quantities) < 2:
        return None
    y, x = quantities[0], quantities[1]
    shown = points[points[x.column].notna() & points[y.column].notna()]
    figure = Figure(figsize=(9.2, 4.6), layout="constrained")
    axes = figure.subplots()
    front = shown[undominated(-x.sign * x.values(shown).to_numpy(), -y.sign * y.values(shown).to_numpy())]
    front = front.sort_values(x.column)
    axes.plot(x.values(front), y.values(front), color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), zorder=1)
    _draw(axes, shown, x, y, keys)
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)
    plain_axes(axes, grid="y")
    if y.column == "accuracy":
        mean, spread = y.values(shown), y.spreads(shown)
        accuracy_axis(axes, [*(mean - spread), *np.minimum(mean + spread, 1.0)])
        axes.set_ylabel(f"{y.label} (logarithmic in the error)")
    axes.margins(x=0.12)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=8, labelcolor=INK)
    # Of many points those on the front: the others lie close together, and nobody would choose them.
    labelled = shown if len(shown) <= _MOST_LABELS else front
    rows = pd.Series(range(1, len(points) + 1), index=points.index)[labelled.index]
    places = zip(x.values(labelled), y.values(labelled), strict=True)
    number_points(figure, axes, dict(zip(rows, places, strict=True)), -x.sign * y.sign)
    return figure


def undominated(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Return which points no other one beats: less in one of two costs, and not more in the other.

    Parameters
    ----------
    x, y : float64 array [points]
        Two costs of each point.
    """
    return np.array(
        [not np.any((x <= a) & (y <= b) & ((x < a) | (y < b))) for a, b in zip(x, y, strict=True)], dtype=np.bool_
    )


def _quantities(points: pd.DataFrame) -> list[_Quantity]:
    """Return what the points differ in that matters, the most important first."""
    energy, time = energy_scale(points["energy_per_sample_pj"]), time_scale(points["time_per_sample_ps"])
    found = (
        _Quantity("accuracy", "test accuracy", Scale(1.0, ""), 1),
        _Quantity("energy_per_sample_pj", f"energy per sample ({energy.unit})", energy, -1),
        _Quantity("time_per_sample_ps", f"time per sample ({time.unit})", time, -1),
    )
    # The textbook chip has no energies: zeros tell nothing.
    return [quantity for quantity in found if points[quantity.column].gt(0).any()]


def _draw(axes: Axes, shown: pd.DataFrame, x: _Quantity, y: _Quantity, keys: Sequence[str]) -> None:
    """Draw the points, those of one colour and marker together, with a line in the legend for each value of a key."""
    colours = _styles(shown, keys[:1], SERIES)
    markers = _styles(shown, keys[1:2], _MARKERS)
    for (colour, marker), group in shown.groupby([colours, markers], sort=False):
        axes.errorbar(
            x.values(group),
            y.values(group),
            xerr=x.spreads(group),
            yerr=y.spreads(group),
            fmt=str(marker),
            color=str(colour),
            markersize=6.5,
            capsize=2.5,
            elinewidth=0.9,
            zorder=2,
            clip_on=False,
        )
    for key, styles in ((keys[0], colours), *(((keys[1], markers),) if len(keys) > 1 else ())):
        for value, style in dict(zip(shown[key], styles, strict=True)).items():
            look = {"color": style, "marker": "o"} if styles is colours else {"color": MUTED, "marker": style}
            axes.plot([], [], linestyle="", label=plain_text(f"{key} = {value}"), **look)


def _styles(shown: pd.DataFrame, keys: Sequence[str], styles: Sequence[str]) -> pd.Series:
    """Return a style for each row, by the value of a key; one for all without a key."""
    if not keys:
        return pd.Series(styles[0], index=shown.index)
    numbers, _ = pd.factorize(shown[keys[0]])
    return pd.Series([styles[int(number) % len(styles)] for number in numbers], index=shown.index)
