"""What an operator asks of a near-memory unit."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from archsim.errors import ArchsimError

__all__ = ["OperatorCost", "checked_cost"]


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Element operations of a near-memory unit.

    Attributes
    ----------
    multiply_adds, activations : int
        For one sample.
    block_multiply_adds, block_activations : int
        For a micro-batch, whatever its number of samples.
    """

    multiply_adds: int = 0
    activations: int = 0
    block_multiply_adds: int = 0
    block_activations: int = 0

    def __add__(self, other: OperatorCost) -> OperatorCost:
        return OperatorCost(
            self.multiply_adds + other.multiply_adds,
            self.activations + other.activations,
            self.block_multiply_adds + other.block_multiply_adds,
            self.block_activations + other.block_activations,
        )

    def operations(self, samples: int, micro_batches: int = 1) -> int:
        """Return all operations for so many samples in so many micro-batches."""
        block = self.block_multiply_adds + self.block_activations
        return samples * (self.multiply_adds + self.activations) + micro_batches * block

    def times(self, count: int) -> OperatorCost:
        """Return what so many of it cost."""
        return OperatorCost(self.multiply_adds * count, self.activations * count)


def checked_cost(found: object, part: str) -> OperatorCost:
    """Return what a part says that it costs, if it is that.

    Raises
    ------
    ArchsimError
        If it is something else, or no whole numbers from 0.
    """
    if not isinstance(found, OperatorCost):
        raise ArchsimError(f"{part} tells its cost as a {type(found).__name__}, and an OperatorCost is needed")
    counts = found.multiply_adds, found.activations, found.block_multiply_adds, found.block_activations
    for count in counts:
        if not isinstance(count, Integral) or count < 0:
            raise ArchsimError(f"{part} costs {count!r} operations, and a whole number from 0 is needed")
    return found
