"""Stages to nodes: snake order on a near-square mesh, so that neighbouring stages are neighbours."""

from __future__ import annotations

import math

__all__ = ["exact_mesh", "near_square_mesh", "snake"]

_LARGEST_ASPECT = 3


def near_square_mesh(nodes: int) -> tuple[int, int]:
    """Return (columns, rows) of the smallest rectangle that holds so many nodes.

    At most three times as wide as high; of equally large ones the squarest.
    """
    candidates = []
    for rows in range(1, math.isqrt(nodes) + 2):
        columns = max(-(-nodes // rows), rows)
        if columns <= _LARGEST_ASPECT * rows:
            candidates.append((columns * rows, columns, rows))
    _, columns, rows = min(candidates)
    return columns, rows


def exact_mesh(nodes: int) -> tuple[int, int]:
    """Return (columns, rows) of the squarest rectangle of exactly so many nodes (a prime number is a row)."""
    rows = next(rows for rows in range(math.isqrt(nodes), 0, -1) if nodes % rows == 0)
    return nodes // rows, rows


def snake(mesh: tuple[int, int]) -> tuple[int, ...]:
    """Return the nodes of a mesh, numbered row-major, in an order in which each next one is a neighbour."""
    columns, rows = mesh
    order: list[int] = []
    for row in range(rows):
        line = range(row * columns, (row + 1) * columns)
        order.extend(line if row % 2 == 0 else reversed(line))
    return tuple(order)
