"""Digital SGD: the baseline without any analog effect."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim._core import FORWARD
from archsim.analog.algorithms.inputs import checked
from archsim.analog.algorithms.joint import JointArrays
from archsim.analog.algorithms.momentum import Momentum, expected_steps, velocities
from archsim.analog.algorithms.protocol import DIGITAL_ACCUMULATOR, TileOutline, TileSite
from archsim.analog.algorithms.without_transfers import WithoutTransfers
from archsim.analog.blocks import FloatArray, as_block, finite
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Counts, ExpectedUpdate, Read
from archsim.analog.specification import Ideal
from archsim.analog.specification.algorithms import DigitalSGDSettings

__all__ = ["DigitalSGD"]

#: A float32 read and written.
UPDATE_BITS = 64


class DigitalSGD(WithoutTransfers, JointArrays):
    """Products and updates exact to float32: y = x W^T, g = d W, W <- W - lr d x^T, vector after vector.

    An update takes two operations for each weight and vector, and reads and writes 32 bits of each. With ``momentum``
    or ``weight_decay``, gradients go to the velocity instead, and weights change at the end of each mini-batch
    (`archsim.analog.algorithms.momentum`).
    """

    Settings = DigitalSGDSettings
    exact_reads = True

    def __init__(self, settings: DigitalSGDSettings, tile: TileSite) -> None:
        super().__init__([tile.make_crossbar(0, Ideal())])
        self._inputs, self._outputs = tile.inputs, tile.outputs
        self._momentum = Momentum.wanted(settings, (tile.outputs, tile.inputs), tile.mini_batch)

    @property
    def crossbar(self) -> Crossbar:
        """The crossbar that holds the weights, with the chip's converters; reads in training do not pass them."""
        return self._last

    @staticmethod
    def accumulator(settings: DigitalSGDSettings) -> str | None:
        """Return what takes gradients; see `StatesAccumulator`."""
        return DIGITAL_ACCUMULATOR if velocities(settings) else None

    @staticmethod
    def arrays(settings: DigitalSGDSettings) -> int:
        """Return how many crossbars a tile needs."""
        return 1

    @staticmethod
    def expected(settings: DigitalSGDSettings, tile: TileOutline) -> ExpectedUpdate:
        """Return what an update takes: two operations for each weight, and no pulses."""
        cells = tile.outputs * tile.inputs
        return ExpectedUpdate(
            digital_operations=Fraction(2 * cells),
            memory_bits=Fraction(UPDATE_BITS * cells),
            later=expected_steps(settings, cells, tile.mini_batch),
            kept_numbers=cells * velocities(settings),
        )

    def forward(
        self, x: ArrayLike, first_vector: int, *, purpose: int = FORWARD, weights: FloatArray | None = None
    ) -> Read:
        """Return x @ W.T exactly."""
        block = as_block(x, self._inputs, "x")
        return Read(_exact(block @ (self.weights if weights is None else weights).T, "x"), len(block))

    def backward(self, d: ArrayLike, first_vector: int, *, weights: FloatArray | None = None) -> Read:
        """Return d @ W exactly."""
        block = as_block(d, self._outputs, "d")
        return Read(_exact(block @ (self.weights if weights is None else weights), "d"), len(block))

    def update(self, x: ArrayLike, d: ArrayLike, learning_rate: float, first_vector: int) -> Counts:
        """Make W <- W - learning_rate d x^T, or with momentum a step once a mini-batch; see `Crossbar.update`."""
        if self._momentum is None:
            work = self._last.update(x, d, learning_rate, first_vector)
        else:
            work, steps = Counts(), self._momentum.add(*checked(x, d, learning_rate, self._inputs, self._outputs))
            for _ in steps:
                change, done = self._momentum.step(self.weights, learning_rate)
                self._last.program(self.weights + change)
                work += done
        cells = self._inputs * self._outputs * np.shape(x)[0]
        # The scaling of both sides is not needed: the learning rate goes into the outer product.
        work.digital_operations += 2 * cells
        work.memory_bits += UPDATE_BITS * cells
        return work

    def expect_late(self, steps: float) -> None:
        """Lower the momentum behind the next step, if there is one; see `HoldsVelocity`."""
        if self._momentum is not None:
            self._momentum.late = steps

    def _digital(self) -> dict[str, NDArray[Any]]:
        return {} if self._momentum is None else self._momentum.arrays()


def _exact(values: FloatArray, what: str) -> FloatArray:
    return np.ascontiguousarray(finite(values, what), dtype=np.float32)
