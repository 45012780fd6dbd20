"""What algorithms that have no transfers say of them."""

from __future__ import annotations

from abc import ABC, abstractmethod

from numpy.typing import ArrayLike

from archsim.analog.observed import Counts

__all__ = ["WithoutTransfers"]


class WithoutTransfers(ABC):
    """An array whose updates are its gradients alone: nothing ever falls due; see `TrainingArray`."""

    @abstractmethod
    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Descend by learning_rate d x^T, vector after vector."""

    def apply_gradients(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Update."""
        return self.update(x, d, learning_rate, first_vector)

    @property
    def due(self) -> int:
        """How many transfers have fallen due and have not been done: none."""
        return 0

    def transfer(self, learning_rate: float) -> Counts:
        """Do nothing."""
        return Counts()
