"""Another shape for the same numbers; only addresses change, so it costs nothing."""

from __future__ import annotations

import math

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator, OperatorCost
from archsim.network.specification import Layer

__all__ = ["Reshape"]


class Reshape(DigitalOperator):
    """Give each sample the shape ``shape`` (flat without it)."""

    fields = frozenset({"shape"})

    def build(self, layer: Layer, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> Node:
        size = math.prod(shapes[0])
        shape = layer.shape or (size,)
        if math.prod(shape) != size:
            raise InputError(
                f"shape {list(shape)} does not hold the {size} numbers of {list(shapes[0])}",
                field="shape",
                value=list(shape),
                allowed=f"a shape whose product is {size}",
            )
        return Node(layer.name, layer.kind, inputs, shape, layer)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return inputs[0].reshape(len(inputs[0]), *node.shape)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (d.reshape(inputs[0].shape),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost()

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()
