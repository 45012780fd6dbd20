"""A stationary matrix in the digital unit: exact products in the unit's arithmetic, trained as biases are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import finite
from archsim.analog.copies import CopyWriter
from archsim.analog.observed import Counts, Read
from archsim.delays import ON_TIME, Late
from archsim.digital.affine import Affine
from archsim.digital.arrays import Array
from archsim.digital.descent import PLAIN, DescentRule, TrainedNumbers
from archsim.digital.input_range import RangeMet
from archsim.network.stationary import MatrixSnapshot, MatrixState, StationaryMatrix

__all__ = ["DigitalMatrix"]


class DigitalMatrix(StationaryMatrix):
    """A matrix that a digital unit holds whole, as one part.

    Products are rounded once by the arithmetic of what flows forward, or backward; the gradient, a sum of outer
    products, by that of updates, and weights are kept by that of parameters. Numbers that are not finite are
    refused, as by crossbars.

    Parameters
    ----------
    shape : tuple of int
        (inputs, outputs).
    affine : Affine
        Digital biases, and what computes.
    rule : DescentRule
        How weights descend.
    """

    def __init__(self, shape: tuple[int, int], affine: Affine, rule: DescentRule = PLAIN) -> None:
        super().__init__(shape, affine)
        self._unit = affine.arithmetic
        self._held = TrainedNumbers(np.zeros((self.outputs, self.inputs), np.float32), self._unit, rule)

    def forward_part(self, part: int, x: Array, first_vector: int) -> Read:
        """Return x @ W.T."""
        return Read(finite(self._unit.product(x, self._held.values), "x"), len(x))

    def backward_part(self, part: int, d: Array, first_vector: int, weights: NDArray[np.float32] | None = None) -> Read:
        """Return d @ W."""
        matrix = self._held.values if weights is None else weights
        return Read(finite(self._unit.backward.product(d, matrix.T), "d"), len(d))

    def part_weights(self, part: int) -> NDArray[np.float32]:
        """Return the matrix; nobody changes the array."""
        return self._held.values

    def update_part(
        self, part: int, x: Array, d: Array, learning_rate: float, first_vector: int, met: RangeMet | None = None
    ) -> Counts:
        """Descend by the outer products of a block."""
        gradient = finite(self._unit.update.outer_products(d, x), "x, d or the learning rate of an update")
        self._held.descend(gradient, learning_rate)
        return Counts()

    def take_step(self, part: int, learning_rate: float, late: Late = ON_TIME) -> None:
        """Take the step that waits for the end of a mini-batch, if there is one, as late as it is."""
        self._held.end_mini_batch(learning_rate, late)

    def expect_late(self, part: int, steps: float) -> None:
        """Nothing: `take_step` says how late it is."""

    def copy_part(self, part: int, source: StationaryMatrix, writer: CopyWriter | None, event: int) -> None:
        """Do nothing: no crossbar holds it."""

    def take_over(self, newest: StationaryMatrix) -> None:
        """Let all of it go on from an equal matrix."""
        self.restore(newest.state())

    def add_outputs(self, parts: Sequence[Array]) -> Array:
        """Return what the only part gave."""
        return parts[0]

    def add_inputs(self, parts: Sequence[Array]) -> Array:
        """Return what the only part gave."""
        return parts[0]

    def program(self, weights: NDArray[np.float32]) -> None:
        """Begin with weights, as parameters are held."""
        self._held.begin(weights)

    @property
    def weights(self) -> NDArray[np.float32]:
        """The matrix; nobody changes the array."""
        return self._held.values

    def snapshot(self) -> MatrixSnapshot:
        """Return what it holds; every step makes other arrays."""
        return MatrixSnapshot((self._held.values,), None, self.affine.bias)

    def state(self) -> MatrixState:
        """Return weights with what there is of a second copy, velocity and gradient, and the same of biases."""
        return MatrixState((self._held.state(),), self.affine.state())

    def restore(self, state: MatrixState) -> None:
        """Continue from a `state` of an equal matrix."""
        self._held.restore(state.arrays[0])
        self.affine.restore(state.affine)

    def evaluate(self, snapshot: MatrixSnapshot, x: Array, first_vector: int) -> Array:
        """Return what a snapshot gives, bias included."""
        return self.affine.forward(finite(self._unit.product(x, snapshot.weights[0]), "x"), None, snapshot.bias)
