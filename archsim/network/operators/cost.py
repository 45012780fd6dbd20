"""What an operator asks of a near-memory unit."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

from archsim.errors import ArchsimError

__all__ = ["OperatorCost", "checked_cost"]


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Element operations of a near-memory unit for one sample."""

    multiply_adds: int = 0
    activations: int = 0

    def __add__(self, other: OperatorCost) -> OperatorCost:
        return OperatorCost(self.multiply_adds + other.multiply_adds, self.activations + other.activations)

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
    for count in (found.multiply_adds, found.activations):
        if not isinstance(count, Integral) or count < 0:
            raise ArchsimError(f"{part} costs {count!r} operations, and a whole number from 0 is needed")
    return found
