"""Pooling: a window slides over every channel of an image and keeps one number of what it sees."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.window import Window, pair, require_images
from archsim.network.specification import Layer, MaxPoolLayer

__all__ = ["MaxPool"]


class MaxPool(DigitalOperator):
    """The largest number in a window; the gradient goes to it, to the first of several that are equal.

    Forward compares, which costs as much as adding; the gradient adds one number for each output.
    """

    Settings = MaxPoolLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        require_images(layer.kind, inputs[0])
        window = _window(cast(MaxPoolLayer, layer))
        if any(2 * border > extent for border, extent in zip(window.padding, window.kernel, strict=True)):
            raise InputError(
                "a window at the border would see nothing but padding",
                field="padding",
                value=list(window.padding),
                allowed=f"at most half of the kernel, {[extent // 2 for extent in window.kernel]}",
            )
        channels, height, width = inputs[0]
        return channels, *window.positions(height, width)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        largest: Array = _window(cast(MaxPoolLayer, node.layer)).views(inputs[0], -math.inf).max(axis=(4, 5))
        return largest

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        window = _window(cast(MaxPoolLayer, node.layer))
        seen = window.views(inputs[0], -math.inf)
        flat = seen.reshape(*seen.shape[:4], window.elements)
        parts = np.zeros(flat.shape, d.dtype)
        np.put_along_axis(parts, flat.argmax(axis=4)[..., None], d[..., None], axis=4)
        _, height, width = node.input_shapes[0]
        return (window.scatter(parts.reshape(seen.shape), height, width, self.arithmetic),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(
            multiply_adds=math.prod(node.shape) * (_window(cast(MaxPoolLayer, node.layer)).elements - 1)
        )

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape))


def _window(layer: MaxPoolLayer) -> Window:
    kernel = pair(layer.kernel)
    return Window(kernel, kernel if layer.stride is None else pair(layer.stride), pair(layer.padding))
