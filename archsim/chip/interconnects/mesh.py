"""The mesh: a near-square rectangle of nodes, dimension-ordered routes, places in snake order."""

from __future__ import annotations

import math
from itertools import pairwise

from archsim.chip.interconnects.base import Interconnect, Link
from archsim.chip.interconnects.specification import InterconnectSettings, Mesh

__all__ = ["MeshInterconnect", "exact_mesh", "near_square_mesh", "snake"]

_LARGEST_ASPECT = 3


class MeshInterconnect(Interconnect):
    """Nodes, numbered row-major, on a rectangle; one link each way between neighbours.

    Routes go along the row first, then along the column (dimension order). Places take nodes in snake order, so that
    neighbouring ones are neighbours on the mesh.
    """

    Settings = Mesh

    def __init__(self, settings: InterconnectSettings, nodes: int) -> None:
        super().__init__(settings, nodes)
        self.columns, self.rows = exact_mesh(nodes)

    @staticmethod
    def completed(nodes: int) -> int:
        """Return the nodes of the smallest near-square rectangle."""
        columns, rows = near_square_mesh(nodes)
        return columns * rows

    @property
    def order(self) -> tuple[int, ...]:
        """The snake."""
        return snake((self.columns, self.rows))

    @property
    def links(self) -> int:
        """One each way between neighbours."""
        return 2 * (self.rows * (self.columns - 1) + self.columns * (self.rows - 1))

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        """Return the links along the row, then along the column."""
        (row, column), (to_row, to_column) = divmod(source, self.columns), divmod(target, self.columns)
        path = [source]
        while column != to_column:
            column += 1 if to_column > column else -1
            path.append(row * self.columns + column)
        while row != to_row:
            row += 1 if to_row > row else -1
            path.append(row * self.columns + column)
        return tuple(self.link(a, b) for a, b in pairwise(path))


def near_square_mesh(nodes: int) -> tuple[int, int]:
    """Return (columns, rows) of the smallest rectangle that holds so many nodes.

    At most three times as wide as high; of equally large ones the squarest, which is that of `exact_mesh`.
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
