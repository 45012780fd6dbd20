"""What a stage stores of a micro-batch between its actions."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.engine.program import Edge

__all__ = ["Stored"]


@dataclass(slots=True)
class Stored:
    """What a stage keeps of one micro-batch."""

    values: dict[str, Array] = field(default_factory=dict)
    gradients: dict[str, Array] = field(default_factory=dict)
    incoming: dict[Edge, Array] = field(default_factory=dict)
    errors: dict[str, Array] = field(default_factory=dict)
    affine: dict[str, tuple[Array | None, Array | None]] = field(default_factory=dict)
    analog: dict[str, Array] = field(default_factory=dict)
    parts: dict[str, list[Array]] = field(default_factory=dict)
    # The vectors of the matrix that was read or updated last: they can be many times as large as what they come from.
    unfolded: dict[str, Array] = field(default_factory=dict)

    def add_gradient(self, name: str, d: Array, arithmetic: Arithmetic) -> None:
        """Add a gradient to those that a node already has."""
        before = self.gradients.get(name)
        self.gradients[name] = d if before is None else arithmetic.add(before, d)
