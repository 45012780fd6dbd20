"""Another shape for the same numbers; only addresses change, so it costs nothing."""

from __future__ import annotations

import math
from typing import cast

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.rearrangement import Rearrangement
from archsim.network.specification import Layer, ReshapeLayer

__all__ = ["Flatten", "Reshape"]


class Flatten(Rearrangement):
    """One vector a sample, in the order of its numbers: no operation."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return (math.prod(inputs[0]),)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return inputs[0].reshape(len(inputs[0]), *node.shape)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (d.reshape(inputs[0].shape),)


class Reshape(Flatten):
    """Give each sample the shape ``shape`` (flat without it)."""

    Settings = ReshapeLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        size = math.prod(inputs[0])
        shape = cast(ReshapeLayer, layer).shape or (size,)
        if math.prod(shape) != size:
            raise InputError(
                f"shape {list(shape)} does not hold the {size} numbers of {list(inputs[0])}",
                field="shape",
                value=list(shape),
                allowed=f"a shape whose product is {size}",
            )
        return shape
