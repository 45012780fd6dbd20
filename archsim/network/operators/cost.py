"""What an operator asks of a near-memory unit."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OperatorCost"]


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Element operations of a near-memory unit for one sample."""

    multiply_adds: int = 0
    activations: int = 0

    def __add__(self, other: OperatorCost) -> OperatorCost:
        return OperatorCost(self.multiply_adds + other.multiply_adds, self.activations + other.activations)
