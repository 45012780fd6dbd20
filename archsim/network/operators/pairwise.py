"""Two branches, element by element."""

from __future__ import annotations

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.element_wise import ElementWise
from archsim.network.specification import Layer

__all__ = ["Add", "Multiply"]


class _Pairwise(ElementWise):
    """Two inputs of one shape."""

    arity = 2
    each = OperatorCost(multiply_adds=1)

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if inputs[0] != inputs[1]:
            raise InputError(
                f"a layer of kind '{layer.kind}' needs inputs of one shape, and these have {list(inputs[0])} and "
                f"{list(inputs[1])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy="bring one to the other's shape, for example by a 'conv2d' with a kernel of 1 and a stride",
            )
        return inputs[0]


class Add(_Pairwise):
    """y = x1 + x2; both take its gradient as it is: 1 multiply-add, none at the gradient."""

    each_gradient = OperatorCost()

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.add(*inputs)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return d, d


class Multiply(_Pairwise):
    """y = x1 x2, element by element; each takes its gradient times the other: 1 multiply-add, 2 at the gradient."""

    each_gradient = OperatorCost(multiply_adds=2)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.multiply(*inputs)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return self.arithmetic.multiply(d, inputs[1]), self.arithmetic.multiply(d, inputs[0])
