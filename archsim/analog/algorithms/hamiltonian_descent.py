"""Stochastic Hamiltonian descent: the weights move like bodies, and asymmetric devices are the friction."""

from __future__ import annotations

from archsim.analog.algorithms.expectations import in_proportion
from archsim.analog.algorithms.line_transfers import LineTransfers
from archsim.analog.algorithms.protocol import FAST_ARRAY, TileOutline, TileSite
from archsim.analog.blocks import FloatArray
from archsim.analog.observed import Counts, ExpectedUpdate
from archsim.analog.specification.algorithms import HamiltonianDescentSettings

__all__ = ["HamiltonianDescent"]


class HamiltonianDescent(LineTransfers):
    """Positions W in one array, momenta P in another (after Onen et al. 2022, arXiv:2201.13377).

    This is our reading of what that paper states in words: training on asymmetric devices lowers the total energy of a
    coupled system of weights and an auxiliary array, and the asymmetry dissipates. We take H = L(W) + |P|^2 / (2 m)
    with W' = P / m and P' = -dL/dW, in steps of one vector, the momentum first:

        P <- P - eta g(W)              by pulses; reads see W alone
        W <- W + (T / m) P             by pulses, for each line T vectors after it was moved last

    eta is the learning rate times ``fast_lr``; T, the number of vectors between two visits of a line, makes the mean
    velocity P / m whatever the spacing of transfers. Nothing else takes energy out: on symmetric devices W swings about
    the minimum, on devices of bound tau P loses (eta / tau) |g| of itself with every vector, and W comes to rest.
    """

    Settings = HamiltonianDescentSettings

    def __init__(self, settings: HamiltonianDescentSettings, tile: TileSite) -> None:
        moves = settings.transfer_io, settings.transfer_update
        crossbars = [
            tile.make_crossbar(0, settings.fast_device, settings.update, *moves),
            tile.make_crossbar(1, None, None, *moves),
        ]
        reads = min(settings.n_reads_per_transfer or tile.inputs, tile.inputs)
        super().__init__(crossbars, 0.0, [settings.transfer_every], [reads])
        self._fast_lr = settings.fast_lr
        self._displacement = settings.transfer_every * tile.inputs / reads / settings.mass

    @staticmethod
    def accumulator(settings: HamiltonianDescentSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return FAST_ARRAY

    @staticmethod
    def arrays(settings: HamiltonianDescentSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 2

    @staticmethod
    def expected(settings: HamiltonianDescentSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes on average."""
        reads = min(settings.n_reads_per_transfer or tile.inputs, tile.inputs)
        return in_proportion(settings, tile, [(settings.transfer_every, reads)], settings.transfer_update)

    def _fast_rate(self, learning_rate: float) -> float:
        return self._fast_lr * learning_rate

    def _transfer_rate(self, learning_rate: float, source: int) -> float:
        return self._displacement

    def _move(
        self, source: int, lines: list[int], hot: FloatArray, values: FloatArray, rate: float, first: int
    ) -> Counts:
        return self._pulse_in_proportion(source, hot, values, rate, first)
