"""The linear layer: its matrix is stationary on crossbars, its bias and scales are digital."""

from __future__ import annotations

from typing import cast

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.base import MatrixOperator
from archsim.network.specification import Layer, LinearLayer

__all__ = ["Linear"]


class Linear(MatrixOperator):
    """y = scale * (W x) + bias for samples that are vectors, or sequences of vectors (length, features)."""

    Settings = LinearLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) > 2:
            raise InputError(
                "a linear layer takes vectors, or sequences (length, features), "
                f"but its input has the shape {list(inputs[0])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy="put a layer of kind 'flatten' before it",
            )
        return *inputs[0][:-1], cast(LinearLayer, layer).features

    def takes_positions(self, node: Node) -> bool:
        return True

    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        settings = cast(LinearLayer, layer)
        vectors = inputs[0][0] if len(inputs[0]) == 2 else 1
        return (Matrix(layer.name, inputs[0][-1], settings.features, vectors, settings),)

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        return _vectors(inputs[0])

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        return _samples(outputs[0], node.shape)

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        return _vectors(d)

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        return (_samples(gradients[0], node.input_shapes[0]),)


def _vectors(x: Array) -> Array:
    """Return samples (samples, ..., n) as vectors (samples * length, n)."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])


def _samples(vectors: Array, shape: Shape) -> Array:
    """Return vectors (samples * length, n) as samples of a shape."""
    return vectors if len(shape) == 1 else vectors.reshape(-1, *shape)
