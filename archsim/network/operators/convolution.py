"""The convolution: a matrix for each group of channels, which meets the patch of every output position."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.base import MatrixOperator
from archsim.network.operators.window import Window, pair, require_images
from archsim.network.specification import Conv2dLayer, Layer

__all__ = ["Conv2d"]


class Conv2d(MatrixOperator):
    """Two-dimensional convolution (cross-correlation) of images (channels, height, width).

    The row of a matrix that belongs to channel c of its group and element (i, j) of the kernel is
    c * kernel rows * kernel columns + i * kernel columns + j, as in a weight of PyTorch reshaped to (outputs, -1).
    """

    Settings = Conv2dLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        settings = cast(Conv2dLayer, layer)
        require_images(layer.kind, inputs[0])
        channels, height, width = inputs[0]
        for what, count in (("input", channels), ("output", settings.channels)):
            if count % settings.groups:
                common = math.gcd(channels, settings.channels)
                raise InputError(
                    f"{count} {what} channels do not divide into {settings.groups} groups",
                    field="groups",
                    value=settings.groups,
                    allowed="1" if common == 1 else f"a divisor of {common}",
                )
        return settings.channels, *_window(settings).positions(height, width)

    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        settings = cast(Conv2dLayer, layer)
        channels, height, width = inputs[0]
        window, groups = _window(settings), settings.groups
        rows = channels // groups * window.elements
        vectors = math.prod(window.positions(height, width))
        names = [layer.name] if groups == 1 else [f"{layer.name}.{group}" for group in range(groups)]
        return tuple(Matrix(name, rows, settings.channels // groups, vectors, settings) for name in names)

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        window = _window(cast(Conv2dLayer, node.layer))
        seen = window.views(_group(node, matrix, inputs[0]), 0)
        return seen.transpose(0, 2, 3, 1, 4, 5).reshape(-1, matrix.inputs)

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        groups = [block.reshape(-1, math.prod(node.shape[1:]), block.shape[1]) for block in outputs]
        whole = groups[0] if len(groups) == 1 else np.concatenate(groups, axis=2)
        return np.ascontiguousarray(whole.transpose(0, 2, 1)).reshape(-1, *node.shape)

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        return _group(node, matrix, d).transpose(0, 2, 3, 1).reshape(-1, matrix.outputs)

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        window = _window(cast(Conv2dLayer, node.layer))
        _, height, width = node.input_shapes[0]
        _, rows, columns = node.shape
        found = []
        for gradient in gradients:
            parts = gradient.reshape(-1, rows, columns, gradient.shape[1] // window.elements, *window.kernel)
            found.append(window.scatter(parts.transpose(0, 3, 1, 2, 4, 5), height, width, self.arithmetic))
        return (found[0] if len(found) == 1 else np.concatenate(found, axis=1),)


def _window(layer: Conv2dLayer) -> Window:
    return Window(pair(layer.kernel), pair(layer.stride), pair(layer.padding), pair(layer.dilation))


def _group(node: Node, matrix: Matrix, images: Array) -> Array:
    """Return the channels of images that belong to a matrix."""
    groups = len(node.matrices)
    if groups == 1:
        return images
    size, index = images.shape[1] // groups, node.matrices.index(matrix)
    return images[:, index * size : (index + 1) * size]
