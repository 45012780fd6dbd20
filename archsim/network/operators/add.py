"""The sum of two branches."""

from __future__ import annotations

import math

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer

__all__ = ["Add"]


class Add(DigitalOperator):
    """y = x1 + x2; both take its gradient as it is."""

    arity = 2

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if inputs[0] != inputs[1]:
            raise InputError(
                f"a sum needs inputs of one shape, and these have {list(inputs[0])} and {list(inputs[1])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy="bring one to the other's shape, for example by a 'conv2d' with a kernel of 1 and a stride",
            )
        return inputs[0]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.add(*inputs)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return d, d

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()
