"""Point to point: a link of its own for every pair of nodes and direction."""

from __future__ import annotations

from archsim.chip.interconnects.base import Interconnect, Link
from archsim.chip.interconnects.specification import PointToPoint

__all__ = ["PointToPointInterconnect"]


class PointToPointInterconnect(Interconnect):
    """N (N - 1) links between N nodes: every message takes one hop."""

    Settings = PointToPoint

    @property
    def links(self) -> int:
        """One for every ordered pair of nodes."""
        return self.nodes * (self.nodes - 1)

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        """Return the link of this pair."""
        return (self.link(source, target),)
