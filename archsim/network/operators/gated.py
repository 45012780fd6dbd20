"""What gated cells share: directions, the vectors of their matrices, and what of a state is the output."""

from __future__ import annotations

from abc import abstractmethod
from functools import reduce
from typing import ClassVar, cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.recurrent import Drive, RecurrentOperator
from archsim.network.specification import Layer, RecurrentLayer

__all__ = ["GatedOperator"]


class GatedOperator(RecurrentOperator):
    """A cell of gates over a sequence (length, features); with a second one in the other direction where asked for.

    Both directions take a step at once, the first at position t, the second at position length - 1 - t. The state of a
    direction begins with its output h. A cell has one matrix for the input and h together, or one for each of them.
    """

    Settings = RecurrentLayer

    #: Outputs of a matrix, numbers of a state, and of what is kept of a step, all for each feature.
    gates: ClassVar[int]
    states: ClassVar[int]
    kept: ClassVar[int]
    #: What the vectors of its matrices are made of.
    drives: ClassVar[tuple[Drive, ...]]

    @abstractmethod
    def cell(self, outputs: tuple[Array, ...], state: Array) -> tuple[Array, Array]:
        """Return the next state of a direction, and what is kept; see `RecurrentOperator.advance`."""

    @abstractmethod
    def cell_gradient(self, state: Array, kept: Array, d: Array) -> tuple[tuple[Array, ...], Array]:
        """Return the gradients of a direction; see `RecurrentOperator.retreat`; `state` is that before the step."""

    @abstractmethod
    def cell_cost(self) -> tuple[OperatorCost, OperatorCost]:
        """Return what `cell` and `cell_gradient` cost for each feature."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) != 2:
            raise InputError(
                f"a layer of kind '{layer.kind}' takes sequences, but its input has the shape {list(inputs[0])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                allowed="a shape of two numbers: length, features",
                remedy="give network.input_shape so, or put a layer of kind 'reshape' before it",
            )
        settings = cast(RecurrentLayer, layer)
        features = settings.features * (2 if settings.bidirectional else 1)
        return (features,) if settings.output == "last" else (inputs[0][0], features)

    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        settings = cast(RecurrentLayer, layer)
        (length, features), hidden = inputs[0], settings.features
        sizes = [drive.input * features + drive.state * hidden for drive in self.drives]
        sizes *= 2 if settings.bidirectional else 1
        names = [layer.name] if len(sizes) == 1 else [f"{layer.name}.{index}" for index in range(len(sizes))]
        made = zip(names, sizes, strict=True)
        return tuple(Matrix(name, size, self.gates * hidden, length, settings) for name, size in made)

    def carries(self, node: Node) -> bool:
        return cast(RecurrentLayer, node.layer).stateful

    def state_size(self, node: Node) -> int:
        return self._directions(node) * self.states * _features(node)

    def kept_size(self, node: Node) -> int:
        return self._directions(node) * self.kept * _features(node)

    def drive(self, node: Node, matrix: Matrix) -> Drive:
        return self.drives[self._place(node, matrix)[1]]

    def vectors(self, node: Node, matrix: Matrix, step: int, inputs: tuple[Array, ...], state: Array) -> Array:
        direction, role = self._place(node, matrix)
        drive = self.drives[role]
        made = []
        if drive.input:
            made.append(inputs[0][:, self.steps(node) - 1 - step if direction else step])
        if drive.state:
            made.append(state[:, self._h(node, direction)])
        return np.ascontiguousarray(made[0]) if len(made) == 1 else np.concatenate(made, axis=1)

    def advance(self, node: Node, outputs: tuple[Array, ...], state: Array) -> tuple[Array, Array]:
        found = [
            self.cell(given, before)
            for given, before in zip(self._by_direction(node, outputs), self._split(node, state), strict=True)
        ]
        return _joined([after for after, _ in found]), _joined([kept for _, kept in found])

    def output(self, node: Node, states: Array) -> Array:
        found = []
        for direction in range(self._directions(node)):
            h = states[:, :, self._h(node, direction)]
            if len(node.shape) == 1:
                found.append(h[:, -1])
            else:
                found.append(h[:, ::-1] if direction else h)
        return np.concatenate(found, axis=-1) if len(found) > 1 else np.ascontiguousarray(found[0])

    def output_gradient(self, node: Node, step: int, d: Array) -> Array:
        given = np.zeros((len(d), self.state_size(node)), d.dtype)
        features, last = _features(node), self.steps(node) - 1
        for direction in range(self._directions(node)):
            own = slice(direction * features, (direction + 1) * features)
            if len(node.shape) == 2:
                given[:, self._h(node, direction)] = d[:, last - step if direction else step, own]
            elif step == last:
                given[:, self._h(node, direction)] = d[:, own]
        return given

    def retreat(self, node: Node, state: Array, kept: Array, d: Array) -> tuple[tuple[Array, ...], Array]:
        found = [
            self.cell_gradient(*of_direction)
            for of_direction in zip(*(self._split(node, block) for block in (state, kept, d)), strict=True)
        ]
        return tuple(error for errors, _ in found for error in errors), _joined([before for _, before in found])

    def state_gradient(self, node: Node, matrix: Matrix, gradient: Array, d: Array) -> Array:
        direction, _ = self._place(node, matrix)
        total, h = d.copy(), self._h(node, direction)
        total[:, h] = self.arithmetic.add(d[:, h], gradient[:, -_features(node) :])
        return total

    def fold_gradient(self, node: Node, gradients: tuple[Array | None, ...]) -> tuple[Array, ...]:
        features, found = node.input_shapes[0][1], []
        for matrix, gradient in zip(node.matrices, gradients, strict=True):
            if gradient is not None:
                direction, _ = self._place(node, matrix)
                found.append(np.ascontiguousarray(gradient[:, :: -1 if direction else 1, :features]))
        return (reduce(self.arithmetic.add, found),)

    def step_cost(self, node: Node) -> OperatorCost:
        return self.cell_cost()[0].times(self._directions(node) * _features(node))

    def step_gradient_cost(self, node: Node) -> OperatorCost:
        return self.cell_cost()[1].times(self._directions(node) * _features(node))

    def _directions(self, node: Node) -> int:
        return len(node.matrices) // len(self.drives)

    def _place(self, node: Node, matrix: Matrix) -> tuple[int, int]:
        """Return the direction of a matrix, and its number among those of the direction."""
        return divmod(node.matrices.index(matrix), len(self.drives))

    def _h(self, node: Node, direction: int) -> slice:
        """Return where the output of a direction stands in a state."""
        begin = direction * self.states * _features(node)
        return slice(begin, begin + _features(node))

    def _split(self, node: Node, block: Array) -> list[Array]:
        """Return the columns of each direction."""
        count = self._directions(node)
        return [block] if count == 1 else np.split(block, count, axis=1)

    def _by_direction(self, node: Node, outputs: tuple[Array, ...]) -> list[tuple[Array, ...]]:
        size = len(self.drives)
        return [outputs[begin : begin + size] for begin in range(0, len(outputs), size)]


def _features(node: Node) -> int:
    return cast(RecurrentLayer, node.layer).features


def _joined(blocks: list[Array]) -> Array:
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
