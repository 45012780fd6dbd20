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
    """y = scale * (W x) + bias for samples that are vectors."""

    Settings = LinearLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) != 1:
            raise InputError(
                f"a linear layer takes vectors, but its input has the shape {list(inputs[0])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy="put a layer of kind 'flatten' before it",
            )
        return (cast(LinearLayer, layer).features,)

    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        settings = cast(LinearLayer, layer)
        return (Matrix(layer.name, inputs[0][0], settings.features, 1, settings),)

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        return inputs[0]

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        return outputs[0]

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        return d

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        return gradients
