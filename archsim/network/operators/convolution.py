"""Convolutions: a matrix for each group of channels, which meets the patch of every output position."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.digital.windows import transposed, unfold
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.base import MatrixOperator
from archsim.network.operators.window import Window, as_image, as_images, pair, positions, require_images
from archsim.network.specification import Conv1dLayer, Conv2dLayer, Layer

__all__ = ["Conv1d", "Conv2d"]

_Settings = Conv1dLayer | Conv2dLayer


class _Convolution(MatrixOperator):
    """Convolution (cross-correlation) of images (channels, height, width), or of what has fewer axes and is one.

    The row of a matrix that belongs to channel c of its group and element (i, j) of the kernel is
    c * kernel rows * kernel columns + i * kernel columns + j, as in a weight of PyTorch reshaped to (outputs, -1).
    """

    #: How many axes follow that of channels.
    axes: ClassVar[int]

    @abstractmethod
    def window(self, layer: Layer) -> Window:
        """Return the window that a layer's kernel is."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        settings = cast(_Settings, layer)
        channels, height, width = as_image(inputs[0])
        for what, count in (("input", channels), ("output", settings.channels)):
            if count % settings.groups:
                common = math.gcd(channels, settings.channels)
                raise InputError(
                    f"{count} {what} channels do not divide into {settings.groups} groups",
                    field="groups",
                    value=settings.groups,
                    allowed="1" if common == 1 else f"a divisor of {common}",
                )
        return settings.channels, *positions(self.window(layer), height, width)[-self.axes :]

    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        settings = cast(_Settings, layer)
        channels, height, width = as_image(inputs[0])
        window, groups = self.window(layer), settings.groups
        rows = channels // groups * window.elements
        vectors = math.prod(positions(window, height, width))
        names = [layer.name] if groups == 1 else [f"{layer.name}.{group}" for group in range(groups)]
        return tuple(Matrix(name, rows, settings.channels // groups, vectors, settings) for name in names)

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        return unfold(self.window(node.layer), _group(node, matrix, as_images(inputs[0])))

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        groups = [block.reshape(-1, math.prod(node.shape[1:]), block.shape[1]) for block in outputs]
        whole = groups[0] if len(groups) == 1 else np.concatenate(groups, axis=2)
        return transposed(whole).reshape(-1, *node.shape)

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        own = _group(node, matrix, as_images(d))
        return transposed(own.reshape(len(d), matrix.outputs, -1)).reshape(-1, matrix.outputs)

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        window = self.window(node.layer)
        _, height, width = as_image(node.input_shapes[0])
        _, rows, columns = as_image(node.shape)
        found = []
        for gradient in gradients:
            parts = gradient.reshape(-1, rows, columns, gradient.shape[1] // window.elements, *window.kernel)
            found.append(self.arithmetic.fold(window, parts.transpose(0, 3, 1, 2, 4, 5), height, width))
        whole = found[0] if len(found) == 1 else np.concatenate(found, axis=1)
        return (whole.reshape(-1, *node.input_shapes[0]),)


class Conv2d(_Convolution):
    """Two-dimensional convolution of images (channels, height, width)."""

    Settings = Conv2dLayer
    axes = 2

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        require_images(layer.kind, inputs[0])
        return super().shape(layer, inputs)

    def window(self, layer: Layer) -> Window:
        settings = cast(Conv2dLayer, layer)
        return Window(pair(settings.kernel), pair(settings.stride), pair(settings.padding), pair(settings.dilation))


class Conv1d(_Convolution):
    """One-dimensional convolution of sequences (channels, length), which are images of one row."""

    Settings = Conv1dLayer
    axes = 1

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) != 2:
            raise InputError(
                f"a conv1d layer takes sequences, but its input has the shape {list(inputs[0])}",
                field="inputs",
                allowed="a shape of two numbers: channels, length",
                remedy="give network.input_shape so, or put a layer of kind 'reshape' before it; a sequence "
                "(length, features) becomes one of channels by a layer of kind 'transpose'",
            )
        return super().shape(layer, inputs)

    def window(self, layer: Layer) -> Window:
        settings = cast(Conv1dLayer, layer)
        return Window((1, settings.kernel), (1, settings.stride), (0, settings.padding), (1, settings.dilation))


def _group(node: Node, matrix: Matrix, images: Array) -> Array:
    """Return the channels of images that belong to a matrix."""
    groups = len(node.matrices)
    if groups == 1:
        return images
    size, index = images.shape[1] // groups, node.matrices.index(matrix)
    return images[:, index * size : (index + 1) * size]
