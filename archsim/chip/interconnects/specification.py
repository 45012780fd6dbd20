"""What a user says about an interconnect: its kind, clock and width, and what a byte, a link and a router cost."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from archsim.chip.arbitration import ArbitrationUnion, FirstComeFirstServed
from archsim.chip.common import Count, Leakage, Origin, nothing
from archsim.specification import AreaConstant, EnergyConstant, OpenUnion, Specification
from archsim.units import Clock, ClockField

__all__ = ["Bus", "InterconnectSettings", "InterconnectUnion", "Mesh", "PointToPoint"]

#: What the times of a link follow from; a user who gives these has said where they come from.
_TIMED = frozenset({"clock", "bytes_per_cycle"})


class InterconnectSettings(Specification):
    """What every kind of interconnect has; kinds of other packages add fields of their own.

    A link takes ``ceil(bytes / bytes_per_cycle)`` cycles for a message, and its head ``hop_cycles``. Clock and width
    that nobody gives are placeholders.
    """

    kind: str
    clock: ClockField = Field(default="1 GHz", validate_default=True)
    bytes_per_cycle: Count = 32
    hop_cycles: Annotated[int, Field(ge=0)] = 1
    arbitration: ArbitrationUnion = Field(default_factory=FirstComeFirstServed)
    timing: Origin = Field(default_factory=Origin)
    byte_hop: EnergyConstant = Field(default_factory=nothing)
    leakage: Leakage = Field(default_factory=Leakage)
    area: AreaConstant = Field(default_factory=nothing)

    @model_validator(mode="before")
    @classmethod
    def _defaults_are_placeholders(cls, given: Any) -> Any:
        if isinstance(given, dict) and "timing" not in given and not given.keys() >= _TIMED:
            return given | {"timing": {"source": "default of archsim", "status": "placeholder"}}
        return given

    @property
    def hop_ps(self) -> int:
        """The latency that a link adds to the head of a message."""
        clock: Clock = self.clock
        return clock.cycles(self.hop_cycles)

    def serialisation_ps(self, size_bytes: int) -> int:
        """Return how long a message of so many bytes passes a point of a link."""
        return self.clock.cycles(-(-size_bytes // self.bytes_per_cycle))

    def hop_energy(self) -> dict[str, float]:
        """Return the energy of a byte over one link in picojoules, by the constants that it comes from."""
        return {"byte_hop": self.byte_hop.value}

    def node_area(self) -> dict[str, float]:
        """Return what each node adds to the area in square micrometres, by the constants that it comes from."""
        return {"area": self.area.value}


class Mesh(InterconnectSettings):
    """A 2-D mesh between nodes: dimension-ordered routes, virtual cut-through, one link each way."""

    kind: Literal["mesh"] = "mesh"


class Bus(InterconnectSettings):
    """One link that all nodes share: it carries one message at a time, and every node is one hop from every other."""

    kind: Literal["bus"] = "bus"


class PointToPoint(InterconnectSettings):
    """A link from every node to every other: one hop, and only messages of the same pair wait for each other."""

    kind: Literal["point-to-point"] = "point-to-point"


#: A section that names no kind is a mesh.
InterconnectUnion = Annotated[
    Mesh | Bus | PointToPoint, Field(discriminator="kind"), OpenUnion("archsim.interconnects", default="mesh")
]
