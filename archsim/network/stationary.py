"""A stationary matrix, whoever holds it: what is asked of it, and the digital scales and biases behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.analog.copies import CopyWriter
from archsim.analog.observed import Counts, Read
from archsim.delays import ON_TIME, Late
from archsim.digital.affine import Affine
from archsim.digital.arrays import Array
from archsim.digital.input_range import InputRangeState, RangeMet
from archsim.digital.specification import GradientClipping

__all__ = ["MatrixSnapshot", "MatrixState", "StationaryMatrix"]


@dataclass(frozen=True, slots=True)
class MatrixSnapshot:
    """A copy of what a read sees: the weights and input range of each part, and the digital scales and biases."""

    weights: tuple[NDArray[np.float32], ...]
    scale: Array | None
    bias: Array | None
    input_ranges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MatrixState:
    """Everything that was drawn or changes: the state of each part's arrays and input range, scales and biases.

    And what was counted on the way: a sample of reads and pulse trains of each crossbar.
    """

    arrays: tuple[dict[str, NDArray[Any]], ...]
    affine: dict[str, dict[str, Array]]
    input_ranges: tuple[InputRangeState, ...] = ()
    samples: tuple[tuple[NDArray[np.int64], ...], ...] = ()


class StationaryMatrix(ABC):
    """A matrix of shape (outputs, inputs) that a tile or a digital unit holds, in one part or several.

    Parameters
    ----------
    shape : tuple of int
        (inputs, outputs).
    affine : Affine
        Digital scales and biases.
    """

    def __init__(self, shape: tuple[int, int], affine: Affine) -> None:
        self.inputs, self.outputs = shape
        self.affine = affine

    def computed_by(self, part: int) -> type:
        """Return the class of what computes a part."""
        return type(self)

    @abstractmethod
    def forward_part(self, part: int, x: Array, first_vector: int) -> Read:
        """Read one part: `x` of shape (V, inputs) is cut to the part's inputs."""

    @abstractmethod
    def backward_part(self, part: int, d: Array, first_vector: int, weights: NDArray[np.float32] | None = None) -> Read:
        """Read one part transposed: `d` of shape (V, outputs), times the digital scales, is cut to its outputs.

        With `weights`, those are read instead of its own; see `part_weights`.
        """

    @abstractmethod
    def part_weights(self, part: int) -> NDArray[np.float32]:
        """Return a copy of what a read of one part meets now."""

    @abstractmethod
    def update_part(
        self, part: int, x: Array, d: Array, learning_rate: float, first_vector: int, met: RangeMet | None = None
    ) -> Counts:
        """Update one part by the outer products of a block, vector after vector.

        `d` are the errors of transposed reads, `met` is what `range_met` gave behind the forward of the block; without
        it, the range is that of now.
        """

    def apply_gradients_part(
        self, part: int, x: Array, d: Array, learning_rate: float, first_vector: int, met: RangeMet | None = None
    ) -> Counts:
        """Do as `update_part` does, and leave the transfers that fall due to `transfer_part`."""
        return self.update_part(part, x, d, learning_rate, first_vector, met)

    def range_met(self, part: int) -> RangeMet | None:
        """Return the range of inputs that a forward of one part meets now; None where there is none."""
        return None

    def transfer_part(self, part: int, learning_rate: float) -> Counts:
        """Do the transfers of one part that are due."""
        return Counts()

    @property
    def due(self) -> bool:
        """Whether transfers of any part are due."""
        return False

    def part_due(self, part: int) -> bool:
        """Whether transfers of one part are due."""
        return False

    @abstractmethod
    def take_step(self, part: int, learning_rate: float, late: Late = ON_TIME) -> None:
        """Take the digital step that waits for the end of a mini-batch, if there is one, as late as it is."""

    @abstractmethod
    def expect_late(self, part: int, steps: float) -> None:
        """Learn by how many steps the gradients of a mini-batch are late whose last vectors are about to come.

        Only those who step with momentum within `update_part` have to know.
        """

    def end_mini_batch(self, part: int, index: int) -> Counts:
        """Let a mini-batch of an index in the run pass for the devices of one part."""
        return Counts()

    def clipped_errors(self, errors: Array, vectors: Array, bound: float, clipping: GradientClipping) -> Array:
        """Return the errors that drive an update, where the gradient of each vector for itself is within a bound."""
        return errors

    @abstractmethod
    def copy_part(self, part: int, source: StationaryMatrix, writer: CopyWriter | None, event: int) -> None:
        """Let one part hold what that of an equal matrix has learned; only crossbars are written for that.

        Parameters
        ----------
        part : int
            The part.
        source : StationaryMatrix
            The other matrix.
        writer : CopyWriter or None
            Programs crossbars; None for exact copies.
        event : int
            Number of this copy in the run.
        """

    def take_over(self, newest: StationaryMatrix) -> None:
        """Let the digital numbers go on from those of an equal matrix."""
        self.affine.restore(newest.affine.state())

    @abstractmethod
    def add_outputs(self, parts: Sequence[Array]) -> Array:
        """Add what the parts gave forward, each to its range of the outputs."""

    @abstractmethod
    def add_inputs(self, parts: Sequence[Array]) -> Array:
        """Add what the parts gave backward, each to its range of the inputs."""

    def map_weights(self, scale: NDArray[np.float32]) -> None:
        """Hold weights divided by a digital scale of each output; see `Affine`."""
        self.affine.map_weights(scale)

    @abstractmethod
    def program(self, weights: NDArray[np.float32]) -> None:
        """Begin with weights of shape (outputs, inputs), as far as they can be held."""

    @property
    @abstractmethod
    def weights(self) -> NDArray[np.float32]:
        """The whole matrix as a read sees it, without the digital scales."""

    def parameters(self) -> dict[str, Array]:
        """Return copies of the trained numbers: ``weights``, and ``scale`` and ``bias`` where there are any."""
        found: dict[str, Array] = {"weights": self.weights.copy()}
        if self.affine.scale is not None:
            found["scale"] = self.affine.scale.copy()
        if self.affine.bias is not None:
            found["bias"] = self.affine.bias.copy()
        return found

    @abstractmethod
    def snapshot(self) -> MatrixSnapshot:
        """Return a copy for an evaluation that happens while training goes on."""

    @abstractmethod
    def state(self) -> MatrixState:
        """Return copies of everything that was drawn or changes."""

    @abstractmethod
    def restore(self, state: MatrixState) -> None:
        """Continue from a `state` of an equal matrix."""

    @abstractmethod
    def evaluate(self, snapshot: MatrixSnapshot, x: Array, first_vector: int) -> Array:
        """Read a snapshot, scales and biases included, under the random numbers of an evaluation."""
