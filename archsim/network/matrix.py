"""A layer's matrix on its crossbars: a grid of parts that convert by themselves, added digitally."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim.analog import EVALUATE
from archsim.analog.algorithms import HoldsVelocity, TrainingArray
from archsim.analog.copies import CopyWriter, copy_array
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Counts, Read
from archsim.analog.samples import Samples
from archsim.delays import ON_TIME, Late
from archsim.digital.affine import Affine
from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.clipping import clipped
from archsim.digital.input_range import InputRange, RangeMet, scaled_inputs
from archsim.digital.specification import GradientClipping
from archsim.network.stationary import MatrixSnapshot, MatrixState, StationaryMatrix

__all__ = ["AnalogMatrix", "MatrixStart", "PartRange"]


#: One of the two ways in which an array takes a block: inputs, errors, learning rate, index of the first vector.
_Update = Callable[[Array, Array, float, int], Counts]


@dataclass(frozen=True, slots=True)
class PartRange:
    """Half-open ranges of the matrix's inputs and outputs that one part holds."""

    inputs: tuple[int, int]
    outputs: tuple[int, int]


@dataclass(frozen=True, slots=True)
class MatrixStart:
    """What became of the weights that were programmed at the start.

    Attributes
    ----------
    held : tuple of float32 [outputs, inputs]
        What the crossbar of each part that holds the weights held then.
    clipped : float
        Fraction of its cells at a bound.
    missed : float
        Largest |difference| between a weight and what was asked for.
    """

    held: tuple[NDArray[np.float32], ...] = ()
    clipped: float = 0.0
    missed: float = 0.0


class AnalogMatrix(StationaryMatrix):
    """A stationary matrix of shape (outputs, inputs) on a grid of crossbars.

    Parameters
    ----------
    shape : tuple of int
        (inputs, outputs).
    ranges : sequence of PartRange
        What each part holds; parts are added in this order, so sums do not depend on arrival.
    arrays : sequence of TrainingArray
        The arrays of each part.
    affine : Affine
        Digital scales and biases.
    input_ranges : sequence of InputRange, optional
        The range of the inputs of each part; without, inputs are read as they are.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        ranges: Sequence[PartRange],
        arrays: Sequence[TrainingArray],
        affine: Affine,
        input_ranges: Sequence[InputRange] = (),
    ) -> None:
        super().__init__(shape, affine)
        self.ranges = tuple(ranges)
        self.arrays = tuple(arrays)
        self.input_ranges = tuple(input_ranges)
        self.start = MatrixStart()
        self._unit = affine.arithmetic

    def computed_by(self, part: int) -> type:
        """Return the class of a part's arrays."""
        return type(self.arrays[part])

    def forward_part(self, part: int, x: Array, first_vector: int) -> Read:
        """Read one part: `x` of shape (V, inputs) is cut to the part's inputs."""
        inputs = self._cut(x, self.ranges[part].inputs, self.inputs)
        if not self.input_ranges:
            return self.arrays[part].forward(inputs, first_vector)
        reach = self.input_ranges[part]
        reach.observe(inputs)
        read = self.arrays[part].forward(scaled_inputs(inputs, reach.value, self._unit), first_vector)
        return Read(self._unit.multiply(read.values, np.float32(reach.value)), read.reads)

    def backward_part(self, part: int, d: Array, first_vector: int, weights: NDArray[np.float32] | None = None) -> Read:
        """Read one part transposed: `d` of shape (V, outputs), times the digital scales, is cut to the part's outputs.

        The gradient passes inputs that were clipped to their range as it passes all others.
        """
        errors = self._cut(d, self.ranges[part].outputs, self.outputs)
        if weights is None:
            return self.arrays[part].backward(errors, first_vector)
        return self.arrays[part].backward(errors, first_vector, weights=weights)

    def part_weights(self, part: int) -> NDArray[np.float32]:
        """Return a copy of what a read of one part meets now."""
        return self.arrays[part].weights.copy()

    def range_met(self, part: int) -> RangeMet | None:
        """Return the range of inputs that a forward of one part meets now."""
        return self.input_ranges[part].met if self.input_ranges else None

    def update_part(
        self, part: int, x: Array, d: Array, learning_rate: float, first_vector: int, met: RangeMet | None = None
    ) -> Counts:
        """Update one part by the outer products of a block, vector after vector.

        `d` are the errors of transposed reads; those of an update do without the mapping scale, see `Affine`.
        """
        return self._drive(part, x, d, learning_rate, first_vector, met, self.arrays[part].update)

    def _drive(
        self,
        part: int,
        x: Array,
        d: Array,
        learning_rate: float,
        first_vector: int,
        met: RangeMet | None,
        update: _Update,
    ) -> Counts:
        """Update one part in one of two ways, by what its crossbars see of inputs and errors."""
        cut = self.ranges[part]
        inputs, errors = self._cut(x, cut.inputs, self.inputs), self._cut(d, cut.outputs, self.outputs)
        driving = self.affine.crossbar_errors(errors, slice(*cut.outputs))
        if not self.input_ranges:
            return update(inputs, driving, learning_rate, first_vector)
        reach = self.input_ranges[part]
        met = reach.met if met is None else met
        if met.learns:
            gradient = errors.astype(np.float64) @ self.arrays[part].weights.astype(np.float64)
            reach.learn(met, inputs, gradient, learning_rate)
        done = update(met.clip(inputs), driving, learning_rate, first_vector)
        done.digital_operations += inputs.size if met.learns else 0
        return done

    def apply_gradients_part(
        self, part: int, x: Array, d: Array, learning_rate: float, first_vector: int, met: RangeMet | None = None
    ) -> Counts:
        """Do as `update_part` does, and leave the transfers that fall due to `transfer_part`."""
        return self._drive(part, x, d, learning_rate, first_vector, met, self.arrays[part].apply_gradients)

    def transfer_part(self, part: int, learning_rate: float) -> Counts:
        """Do the transfers of one part that are due."""
        return self.arrays[part].transfer(learning_rate)

    @property
    def due(self) -> bool:
        """Whether transfers of any part are due."""
        return any(array.due for array in self.arrays)

    def take_step(self, part: int, learning_rate: float, late: Late = ON_TIME) -> None:
        """Let what the mini-batch has made of the range be read; arrays take their steps by themselves."""
        if self.input_ranges:
            self.input_ranges[part].end_mini_batch()

    def expect_late(self, part: int, steps: float) -> None:
        """Tell the arrays of a part, if they hold a velocity; see `HoldsVelocity`."""
        array = self.arrays[part]
        if isinstance(array, HoldsVelocity):
            array.expect_late(steps)

    def part_due(self, part: int) -> bool:
        """Whether transfers of one part are due."""
        return bool(self.arrays[part].due)

    def clipped_errors(self, errors: Array, vectors: Array, bound: float, clipping: GradientClipping) -> Array:
        """Return the errors that drive an update, where the gradient of each vector for itself is within a bound.

        Crossbars hold weights divided by the mapping scale: errors carry it, the layer's gradient does not.
        """
        unit, mapping = self.affine.arithmetic.update, self.affine.mapping
        gradient = errors if mapping is None else unit.divide(errors, mapping)
        gradient = clipped(gradient, vectors, bound, clipping, unit)
        return gradient if mapping is None else unit.multiply(gradient, mapping)

    def end_mini_batch(self, part: int, index: int) -> Counts:
        """Let a mini-batch of an index in the run pass for the devices of one part."""
        return self.arrays[part].end_mini_batch(index)

    def copy_part(self, part: int, source: StationaryMatrix, writer: CopyWriter | None, event: int) -> None:
        """Let one part hold what that of an equal matrix has learned, its input range included."""
        if not isinstance(source, AnalogMatrix):
            raise TypeError(f"crossbars are copied from crossbars, not from a {type(source).__name__}")
        copy_array(source.arrays[part], self.arrays[part], writer, event)
        if self.input_ranges:
            self.input_ranges[part].restore(source.input_ranges[part].state())

    def add_outputs(self, parts: Sequence[Array]) -> Array:
        """Add what the parts gave forward, each to its range of the outputs."""
        return _sum(parts, [r.outputs for r in self.ranges], self.outputs, self._unit)

    def add_inputs(self, parts: Sequence[Array]) -> Array:
        """Add what the parts gave backward, each to its range of the inputs."""
        return _sum(parts, [r.inputs for r in self.ranges], self.inputs, self._unit.backward)

    def map_weights(self, scale: NDArray[np.float32]) -> None:
        """Let the crossbars hold weights divided by a digital scale of each output; see `Affine`."""
        super().map_weights(scale)
        for cut, array in zip(self.ranges, self.arrays, strict=True):
            array.set_output_scale(np.ascontiguousarray(scale[slice(*cut.outputs)]))

    def program(self, weights: NDArray[np.float32]) -> None:
        """Write what the crossbars hold of shape (outputs, inputs) exactly, clipped to each cell's bounds."""
        for cut, array in zip(self.ranges, self.arrays, strict=True):
            array.program(np.ascontiguousarray(weights[slice(*cut.outputs), slice(*cut.inputs)]))
        held = tuple(crossbar.weights.copy() for crossbar in self._holders())
        missed = float(np.abs(self.weights - weights).max(initial=0.0))
        self.start = MatrixStart(held, self._of_cells([c.saturated() for c in self._holders()]), missed)

    @property
    def weights(self) -> NDArray[np.float32]:
        """A copy of the whole matrix as a read sees it, without the digital scales."""
        whole = np.zeros((self.outputs, self.inputs), np.float32)
        for cut, array in zip(self.ranges, self.arrays, strict=True):
            whole[slice(*cut.outputs), slice(*cut.inputs)] = array.weights
        return whole

    @property
    def saturated(self) -> float:
        """The fraction of cells that stand at a bound."""
        return self._of_cells([array.saturated() for array in self.arrays])

    @property
    def untouched(self) -> float:
        """The fraction of cells that hold what was programmed at the start, which no pulse has changed."""
        pairs = zip(self._holders(), self.start.held, strict=False)
        return self._of_cells([float((crossbar.weights == held).mean()) for crossbar, held in pairs])

    @property
    def samples(self) -> Samples:
        """A sample of reads and pulse trains, summed over all crossbars."""
        total = Samples()
        for array in self.arrays:
            for crossbar in array.crossbars:
                total.add(crossbar.samples)
        return total

    def _holders(self) -> list[Crossbar]:
        """Return the crossbar of each part that holds its weights."""
        return [array.crossbars[-1] for array in self.arrays]

    def _of_cells(self, shares: Sequence[float]) -> float:
        """Return the mean of what the parts say of their cells."""
        cells = [(end - start) * (r.outputs[1] - r.outputs[0]) for r in self.ranges for start, end in (r.inputs,)]
        return sum(c * s for c, s in zip(cells, shares, strict=True)) / sum(cells)

    def snapshot(self) -> MatrixSnapshot:
        """Return a copy for an evaluation that happens while training goes on."""
        weights = tuple(array.weights.copy() for array in self.arrays)
        reaches = tuple(reach.value for reach in self.input_ranges)
        return MatrixSnapshot(weights, self.affine.scale, self.affine.bias, reaches)

    def state(self) -> MatrixState:
        """Return copies of everything that was drawn or changes."""
        arrays = tuple(array.state() for array in self.arrays)
        reaches = tuple(reach.state() for reach in self.input_ranges)
        samples = tuple(
            tuple(counts.copy() for counts in crossbar.samples.arrays())
            for array in self.arrays
            for crossbar in array.crossbars
        )
        return MatrixState(arrays, self.affine.state(), reaches, samples)

    def restore(self, state: MatrixState) -> None:
        """Continue from a `state` of an equal matrix."""
        for array, stored in zip(self.arrays, state.arrays, strict=True):
            array.restore(stored)
        for reach, found in zip(self.input_ranges, state.input_ranges, strict=True):
            reach.restore(found)
        crossbars = (crossbar for array in self.arrays for crossbar in array.crossbars)
        for crossbar, counts in zip(crossbars, state.samples, strict=True):
            crossbar.samples.restore(counts)
        self.affine.restore(state.affine)

    def evaluate(self, snapshot: MatrixSnapshot, x: Array, first_vector: int) -> Array:
        """Read a snapshot through the noisy chain, under the random numbers of an evaluation."""
        parts = []
        reaches = snapshot.input_ranges or (None,) * len(self.arrays)
        for cut, array, weights, reach in zip(self.ranges, self.arrays, snapshot.weights, reaches, strict=True):
            inputs = self._cut(x, cut.inputs, self.inputs)
            if reach is None:
                parts.append(array.forward(inputs, first_vector, purpose=EVALUATE, weights=weights).values)
            else:
                inputs = scaled_inputs(inputs, reach, self._unit)
                read = array.forward(inputs, first_vector, purpose=EVALUATE, weights=weights)
                parts.append(self._unit.multiply(read.values, np.float32(reach)))
        return self.affine.forward(self.add_outputs(parts), snapshot.scale, snapshot.bias)

    @staticmethod
    def _cut(x: Array, span: tuple[int, int], size: int) -> Array:
        return x if span == (0, size) else x[:, span[0] : span[1]]


def _sum(parts: Sequence[Array], spans: Sequence[tuple[int, int]], size: int, unit: Arithmetic) -> Array:
    """Return the sum of what parts gave, each in its range of lines."""
    if len(parts) == 1:
        return unit.number(parts[0])
    total = np.zeros((len(parts[0]), size), np.float32)
    for values, (start, end) in zip(parts, spans, strict=True):
        total[:, start:end] = unit.add(total[:, start:end], unit.number(values))
    return total
