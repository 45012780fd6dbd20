"""A matrix larger than a crossbar is cut into a grid of parts, none larger than a tile."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["MOST_CROSSBARS", "Rectangle", "balanced_cuts", "grid", "parts_of"]

Range = tuple[int, int]
Rectangle = tuple[Range, Range]

#: Crossbars of a network: the random numbers of so many are told apart.
MOST_CROSSBARS = 2**20


def balanced_cuts(size: int, largest: int) -> tuple[Range, ...]:
    """Cut ``range(size)`` into as few half-open ranges as `largest` allows, as equal as possible.

    Equal parts rather than full ones with a remainder: all parts convert at the same time, so the
    largest sets the pace, and every part adds about the same noise. (HERMES cuts 2016 rows into
    8 x 252 for its 256, arXiv:2212.02872.)
    """
    pieces = -(-size // largest)
    edges = [size * k // pieces for k in range(pieces + 1)]
    return tuple(pairwise(edges))


def parts_of(matrix: tuple[int, int], rows: int, columns: int) -> int:
    """Return into how many parts `grid` cuts a matrix of (inputs, outputs)."""
    inputs, outputs = matrix
    return -(-inputs // rows) * -(-outputs // columns)


def grid(matrix: tuple[int, int], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """Cut a matrix of (inputs, outputs) into parts of at most `rows` inputs and `columns` outputs.

    Returns
    -------
    tuple of (inputs, outputs)
        Half-open ranges of each part, row-major over (input cut, output cut).
    """
    inputs, outputs = matrix
    return tuple((i, o) for i in balanced_cuts(inputs, rows) for o in balanced_cuts(outputs, columns))
