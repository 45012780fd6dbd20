"""The bus: one link for all."""

from __future__ import annotations

from archsim.chip.interconnects.base import Interconnect, Link
from archsim.chip.interconnects.specification import Bus

__all__ = ["BusInterconnect"]


class BusInterconnect(Interconnect):
    """One link that every message takes alone, for its latency and its serialisation."""

    Settings = Bus

    @property
    def links(self) -> int:
        """One."""
        return 1

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        """Return the bus."""
        return (Link("bus", self.settings.hop_ps),)
