"""What several parts of a chip state: counts, static power by state, and where their times come from."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from archsim.specification import Constant, PowerConstant, Specification, Status

__all__ = ["Count", "Leakage", "Origin", "no_time", "nothing"]

Count = Annotated[int, Field(ge=1)]


def nothing() -> Constant[float]:
    """Return the energy, power or area of what is not modelled."""
    return Constant[float](value=0.0, source="not modelled", status="placeholder")


def no_time() -> Constant[int]:
    """Return the time of what is not modelled."""
    return Constant[int](value=0, source="not modelled", status="placeholder")


class Leakage(Specification):
    """Static power of one unit in each power state."""

    active: PowerConstant = Field(default_factory=nothing)
    idle: PowerConstant = Field(default_factory=nothing)
    gated: PowerConstant = Field(default_factory=nothing)


class Origin(Specification):
    """Where the plain numbers come from that a unit's times follow from; ``status`` is that of a constant."""

    source: str = "experiment document"
    status: Status = "user"
