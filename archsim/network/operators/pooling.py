"""Pooling: a window slides over every channel of an image or sequence, or takes all of it, and gives one number."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.digital.windows import largest, to_largest
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.window import Pair, Window, as_image, as_images, pair, positions, views
from archsim.network.specification import AveragePoolLayer, Layer, MaxPoolLayer

__all__ = ["AveragePool", "GlobalAveragePool", "GlobalMaxPool", "MaxPool"]


class _Pool(DigitalOperator):
    """A window that slides over images (channels, height, width), or over sequences (channels, length)."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        shape = inputs[0]
        if len(shape) not in (2, 3):
            raise InputError(
                f"a {layer.kind} layer takes images or sequences, but its input has the shape {list(shape)}",
                field="inputs",
                allowed="a shape of three numbers: channels, height, width; or of two: channels, length",
                remedy="give network.input_shape so, or put a layer of kind 'reshape' before it",
            )
        axes = len(shape) - 1
        window = _window(layer, axes)
        if any(2 * border > extent for border, extent in zip(window.padding, window.kernel, strict=True)):
            raise InputError(
                "a window at the border would see nothing but padding",
                field="padding",
                value=list(window.padding[-axes:]),
                allowed=f"at most half of the kernel, {[extent // 2 for extent in window.kernel[-axes:]]}",
            )
        channels, height, width = as_image(shape)
        return channels, *positions(window, height, width)[-axes:]

    def _folded(self, node: Node, parts: Array) -> Array:
        """Return the gradient at the input from what each position gives to the elements that it sees."""
        shape = node.input_shapes[0]
        _, height, width = as_image(shape)
        return self.arithmetic.fold(_window_of(node), parts, height, width).reshape(len(parts), *shape)


class MaxPool(_Pool):
    """The largest number in a window; the gradient goes to it, to the first of several that are equal.

    Forward compares, which costs as much as adding; the gradient adds one number for each output.
    """

    Settings = MaxPoolLayer

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return largest(_window_of(node), as_images(inputs[0])).reshape(-1, *node.shape)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (self._folded(node, to_largest(_window_of(node), as_images(inputs[0]), as_images(d))),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * (_window_of(node).elements - 1))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape))


class AveragePool(_Pool):
    """The mean over a window; the gradient goes to all of it in equal shares.

    Forward, each output takes a multiply-add for each element of the window; the gradient one more, for the share.
    """

    Settings = AveragePoolLayer

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        unit, seen = self.arithmetic, views(_window_of(node), as_images(inputs[0]), 0.0)
        flat = seen.reshape(*seen.shape[:4], -1)
        if _counts_all(node):
            mean = unit.mean(flat, 4)
        else:
            mean = unit.divide(unit.total(flat, axis=4), self._counts(node, inputs[0]))
        return mean.reshape(-1, *node.shape)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        window, images = _window_of(node), as_images(d)
        share = self.arithmetic.divide(images, window.elements if _counts_all(node) else self._counts(node, d))
        parts = np.broadcast_to(share[..., None, None], (*images.shape, *window.kernel))
        return (self._folded(node, parts),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * _window_of(node).elements)

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape) * (_window_of(node).elements + 1))

    def _counts(self, node: Node, like: Array) -> Array:
        """Return how many elements of the input each position sees, in the precision of other numbers."""
        ones = np.ones((1, 1, *node.input_shapes[0][1:]), like.dtype)
        counts: Array = views(_window_of(node), as_images(ones), 0.0).sum(axis=(4, 5))
        return counts


class _GlobalPool(DigitalOperator):
    """One number of every channel, the first index of a sample's shape, from all its positions."""

    needs_sample = True

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0][:1]


class GlobalAveragePool(_GlobalPool):
    """The mean of every channel, the first index of a sample's shape, over all its positions: a vector of channels.

    Forward takes a multiply-add for each number and one for each channel, the gradient one for each channel.
    """

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


class GlobalMaxPool(_GlobalPool):
    """The largest number of every channel, the first index of a sample's shape: a vector of channels.

    Forward compares, which costs as much as adding: one less than the numbers of a channel. The gradient goes to the
    first of the largest ones, at no operation.
    """

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        found: Array = inputs[0].reshape(*inputs[0].shape[:2], -1).max(axis=2)
        return found

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        rows = inputs[0].reshape(*inputs[0].shape[:2], -1)
        found = np.zeros(rows.shape, d.dtype)
        np.put_along_axis(found, rows.argmax(axis=2)[..., None], d[..., None], axis=2)
        return (found.reshape(inputs[0].shape),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.input_shapes[0]) - node.shape[0])

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()


def _counts_all(node: Node) -> bool:
    """Return whether every window divides by the number of its elements."""
    settings = cast(AveragePoolLayer, node.layer)
    return settings.count_include_pad or not any(pair(settings.padding))


def _window_of(node: Node) -> Window:
    return _window(node.layer, len(node.shape) - 1)


def _window(layer: Layer, axes: int) -> Window:
    """Return the window over images, or over sequences, which have one axis of positions."""
    settings = cast(MaxPoolLayer | AveragePoolLayer, layer)
    kernel = _extents(settings.kernel, "kernel", axes, 1)
    stride = kernel if settings.stride is None else _extents(settings.stride, "stride", axes, 1)
    return Window(kernel, stride, _extents(settings.padding, "padding", axes, 0))


def _extents(given: int | Pair, key: str, axes: int, beside: int) -> Pair:
    """Return (vertical, horizontal) of a setting; over sequences it is one number, `beside` that of their only row."""
    if axes == 2:
        return pair(given)
    if isinstance(given, tuple):
        raise InputError(
            "the input is a sequence (channels, length), over which a window has one extent",
            field=key,
            value=list(given),
            allowed="one whole number",
        )
    return beside, given
