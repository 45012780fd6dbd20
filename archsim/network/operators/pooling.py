"""Pooling: a window slides over every channel of an image, or takes all of it, and gives one number."""

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
from archsim.network.specification import AveragePoolLayer, Layer, MaxPoolLayer

__all__ = ["AveragePool", "GlobalAveragePool", "MaxPool"]


class _Pool(DigitalOperator):
    """A window that slides over images."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        require_images(layer.kind, inputs[0])
        window = _window(layer)
        if any(2 * border > extent for border, extent in zip(window.padding, window.kernel, strict=True)):
            raise InputError(
                "a window at the border would see nothing but padding",
                field="padding",
                value=list(window.padding),
                allowed=f"at most half of the kernel, {[extent // 2 for extent in window.kernel]}",
            )
        channels, height, width = inputs[0]
        return channels, *window.positions(height, width)


class MaxPool(_Pool):
    """The largest number in a window; the gradient goes to it, to the first of several that are equal.

    Forward compares, which costs as much as adding; the gradient adds one number for each output.
    """

    Settings = MaxPoolLayer

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        largest: Array = _window(node.layer).views(inputs[0], -math.inf).max(axis=(4, 5))
        return largest

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        window = _window(node.layer)
        seen = window.views(inputs[0], -math.inf)
        flat = seen.reshape(*seen.shape[:4], window.elements)
        parts = np.zeros(flat.shape, d.dtype)
        np.put_along_axis(parts, flat.argmax(axis=4)[..., None], d[..., None], axis=4)
        _, height, width = node.input_shapes[0]
        return (window.scatter(parts.reshape(seen.shape), height, width, self.arithmetic),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * (_window(node.layer).elements - 1))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape))


class AveragePool(_Pool):
    """The mean over a window; the gradient goes to all of it in equal shares.

    Forward, each output takes a multiply-add for each element of the window; the gradient one more, for the share.
    """

    Settings = AveragePoolLayer

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        unit, window = self.arithmetic, _window(node.layer)
        seen = window.views(inputs[0], 0.0)
        flat = seen.reshape(*seen.shape[:4], window.elements)
        if _counts_all(node):
            return unit.mean(flat, 4)
        return unit.divide(unit.total(flat, axis=4), _counts(node, inputs[0]))

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        window = _window(node.layer)
        share = self.arithmetic.divide(d, window.elements if _counts_all(node) else _counts(node, d))
        parts = np.broadcast_to(share[..., None, None], (*d.shape, *window.kernel))
        _, height, width = node.input_shapes[0]
        return (window.scatter(parts, height, width, self.arithmetic),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * _window(node.layer).elements)

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * (_window(node.layer).elements + 1))


class GlobalAveragePool(DigitalOperator):
    """The mean of every channel, the first index of a sample's shape, over all its positions: a vector of channels.

    Forward takes a multiply-add for each number and one for each channel, the gradient one for each channel.
    """

    needs_sample = True

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0][:1]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.mean(inputs[0].reshape(*inputs[0].shape[:2], -1), 2)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        shape = inputs[0].shape
        share = self.arithmetic.divide(d, math.prod(shape[2:]))
        return (np.broadcast_to(share.reshape(*d.shape, *[1] * (len(shape) - 2)), shape).copy(),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.input_shapes[0]) + node.shape[0])

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=node.shape[0])


def _counts_all(node: Node) -> bool:
    """Return whether every window divides by the number of its elements."""
    settings = cast(AveragePoolLayer, node.layer)
    return settings.count_include_pad or not any(pair(settings.padding))


def _counts(node: Node, like: Array) -> Array:
    """Return how many elements of the image each position sees, in the precision of other numbers."""
    _, height, width = node.input_shapes[0]
    seen: Array = _window(node.layer).views(np.ones((1, 1, height, width), like.dtype), 0.0).sum(axis=(4, 5))
    return seen


def _window(layer: Layer) -> Window:
    settings = cast(MaxPoolLayer | AveragePoolLayer, layer)
    kernel = pair(settings.kernel)
    return Window(kernel, kernel if settings.stride is None else pair(settings.stride), pair(settings.padding))
