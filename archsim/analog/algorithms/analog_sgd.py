"""Analog SGD: one array, updated in place by every sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD
from archsim.analog.blocks import FloatArray
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Read, Update

__all__ = ["AnalogSGD"]


class AnalogSGD:
    """Stochastic gradient descent by pulses on the array that computes (Gokmen & Vlasov 2016).

    On a device with the asymmetric linear response of bound tau it follows in the mean
    W <- W - lr g - (lr / tau) |g| W (arXiv:2406.12774).

    Parameters
    ----------
    make_crossbar : callable
        Makes the crossbar of an index within the tile; this algorithm needs index 0.
    """

    def __init__(self, make_crossbar: Callable[[int], Crossbar]) -> None:
        self._crossbar = make_crossbar(0)

    @property
    def weights(self) -> FloatArray:
        """The matrix that a forward read sees."""
        return self._crossbar.weights

    def program(self, weights: ArrayLike) -> None:
        """Write a matrix exactly, clipped to each cell's bounds."""
        self._crossbar.program(weights)

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Read x @ W.T; see `Crossbar.forward`."""
        return self._crossbar.forward(x, first_vector, purpose=purpose, weights=weights)

    def backward(self, d: ArrayLike, first_vector: int) -> Read:
        """Read d @ W; see `Crossbar.backward`."""
        return self._crossbar.backward(d, first_vector)

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Update:
        """Send the pulses of W <- W - learning_rate d x^T; see `Crossbar.update`."""
        return self._crossbar.update(x, d, learning_rate, first_vector)

    def saturated(self) -> float:
        """Return the fraction of cells at a bound."""
        return self._crossbar.saturated()

    def state(self) -> dict[str, NDArray[Any]]:
        """Return copies of everything that was drawn or changes."""
        return self._crossbar.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Continue from a `state` of an equal array."""
        self._crossbar.restore(state)
