"""A ring of nodes."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal, cast

from archsim.chip.interconnects import Interconnect, InterconnectSettings, Link


class Ring(InterconnectSettings):
    """Each node has a link to the next one, and to the one before unless messages go one way round."""

    kind: Literal["ring"] = "ring"
    one_way: bool = False


class RingInterconnect(Interconnect):
    """Messages take the shorter way round."""

    Settings = Ring

    @property
    def links(self) -> int:
        return self.nodes * (1 if self._one_way else 2)

    def route(self, source: int, target: int) -> tuple[Link, ...]:
        ahead = (target - source) % self.nodes
        step = 1 if self._one_way or ahead <= self.nodes - ahead else -1
        path = [source]
        while path[-1] != target:
            path.append((path[-1] + step) % self.nodes)
        return tuple(self.link(a, b) for a, b in pairwise(path))

    @property
    def _one_way(self) -> bool:
        return cast(Ring, self.settings).one_way
