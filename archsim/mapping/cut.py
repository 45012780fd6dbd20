"""A matrix larger than a crossbar is cut into a grid of parts, none larger than a tile."""

from __future__ import annotations

from itertools import pairwise

__all__ = ["Rectangle", "balanced_cuts", "grid"]

Range = tuple[int, int]
Rectangle = tuple[Range, Range]


def balanced_cuts(size: int, largest: int) -> tuple[Range, ...]:
    """Cut ``range(size)`` into as few half-open ranges as `largest` allows, as equal as possible.

    Equal parts rather than full ones with a remainder: all parts convert at the same time, so the
    largest sets the pace, and every part adds about the same noise. (HERMES cuts 2016 rows into
    8 x 252 for its 256, arXiv:2212.02872.)
    """
    pieces = -(-size // largest)
    edges = [size * k // pieces for k in range(pieces + 1)]
    return tuple(pairwise(edges))


def grid(matrix: tuple[int, int], rows: int, columns: int) -> tuple[Rectangle, ...]:
    """Cut a matrix of (inputs, outputs) into parts of at most `rows` inputs and `columns` outputs.

    Returns
    -------
    tuple of (inputs, outputs)
        Half-open ranges of each part, row-major over (input cut, output cut).
    """
    inputs, outputs = matrix
    return tuple((i, o) for i in balanced_cuts(inputs, rows) for o in balanced_cuts(outputs, columns))
