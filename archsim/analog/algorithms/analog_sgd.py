"""Analog SGD: one array, updated in place by every sample."""

from __future__ import annotations

from numpy.typing import ArrayLike

from archsim.analog.algorithms.expectations import expected_gradients
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.protocol import TileOutline, TileSite
from archsim.analog.algorithms.without_transfers import WithoutTransfers
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import AnalogSGDSettings

__all__ = ["AnalogSGD"]


class AnalogSGD(WithoutTransfers, JointArrays):
    """Stochastic gradient descent by pulses on the array that computes (Gokmen & Vlasov 2016).

    On a device with the asymmetric linear response of bound tau it follows in the mean
    W <- W - lr g - (lr / tau) |g| W (arXiv:2406.12774).
    """

    Settings = AnalogSGDSettings

    def __init__(self, settings: AnalogSGDSettings, tile: TileSite) -> None:
        super().__init__([tile.make_crossbar(0)])

    @staticmethod
    def accumulator(settings: AnalogSGDSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return None

    @staticmethod
    def arrays(settings: AnalogSGDSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 1

    @staticmethod
    def expected(settings: AnalogSGDSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average: pulse trains of the expected length."""
        return expected_gradients(tile)

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Send the pulses of W <- W - learning_rate d x^T; see `Crossbar.update`."""
        return self._last.update(x, d, learning_rate, first_vector)
