"""The numbers of points in a plane; where they would be printed over each other, one label bears them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archsim.report.style import INK

__all__ = ["joined_numbers", "number_points"]

_SIZE = 8
_OFFSET = 5
_WIDTH, _HEIGHT = 0.62 * _SIZE, 1.25 * _SIZE
_MOST_PARTS = 6


def number_points(figure: Figure, axes: Axes, points: Mapping[int, tuple[float, float]], slope: int) -> None:
    """Write the number of each point to its right, on that side of the line through the points that is free.

    Parameters
    ----------
    figure : Figure
        The figure, finished but for these labels: its layout says which of them would meet.
    axes : Axes
        The plane.
    points : mapping of int to (float, float)
        Where the point of each number lies.
    slope : {1, -1}
        Whether that line rises to the right, so that numbers stand below it, or falls.
    """
    if not points:
        return
    figure.draw_without_rendering()
    at = dict(zip(points, axes.transData.transform(list(points.values())) * 72 / figure.dpi, strict=True))
    groups = [[number] for number in sorted(points)]
    while (pair := _overlapping(groups, at, slope)) is not None:
        one, other = pair
        groups[one] = sorted(groups[one] + groups.pop(other))
    for group in groups:
        axes.annotate(
            joined_numbers(group),
            points[_corner(group, at, slope)],
            xytext=(_OFFSET, -slope * _OFFSET),
            textcoords="offset points",
            va="top" if slope > 0 else "baseline",
            fontsize=_SIZE,
            color=INK,
        )


def joined_numbers(numbers: Sequence[int]) -> str:
    """Write ascending numbers in few characters: ``1, 3..6, 9``; of very many the first ones."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [part for run in runs for part in ([f"{run[0]}..{run[-1]}"] if len(run) > 2 else map(str, run))]
    return ", ".join(parts if len(parts) <= _MOST_PARTS else [*parts[:_MOST_PARTS], "…"])


def _corner(group: Sequence[int], at: Mapping[int, np.ndarray], slope: int) -> int:
    """Return the point of a group from which a label leads away: the one furthest to its side."""
    return max(group, key=lambda number: float(at[number][0] - slope * at[number][1]))


def _overlapping(groups: Sequence[Sequence[int]], at: Mapping[int, np.ndarray], slope: int) -> tuple[int, int] | None:
    """Return two groups, the earlier one first, whose labels would overlap; None if there are none."""
    boxes = []
    for group in groups:
        left, below = at[_corner(group, at, slope)]
        boxes.append((left, left + _WIDTH * (len(joined_numbers(group)) + 0.5), below, below + _HEIGHT))
    for (i, one), (j, other) in combinations(enumerate(boxes), 2):
        if one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]:
            return i, j
    return None
