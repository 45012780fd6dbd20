"""What every training algorithm offers to the engine."""

from __future__ import annotations

from typing import Any, Protocol

from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Read, Update

__all__ = ["TrainingArray"]


class TrainingArray(Protocol):
    """One or several crossbars that together hold and train a matrix [outputs, inputs].

    A class of this kind registers under ``archsim.algorithms`` and is made with a function that makes the crossbar of a
    given index within the tile.
    """

    @property
    def weights(self) -> FloatArray:
        """The matrix that a forward read sees."""

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix."""

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read x @ W.T; see `Crossbar.forward`."""

    def backward(self, d: ArrayLike, first_vector: int) -> Read:
        """Read d @ W; see `Crossbar.backward`."""

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Update:
        """Descend by learning_rate d x^T; see `Crossbar.update`."""

    def saturated(self) -> float:
        """Return the fraction of cells at a bound."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state`."""
