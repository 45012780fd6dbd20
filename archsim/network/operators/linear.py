"""The linear layer: its matrix is stationary on crossbars, its bias and scales are digital."""

from __future__ import annotations

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.base import MatrixOperator
from archsim.network.specification import Layer

__all__ = ["Linear"]


class Linear(MatrixOperator):
    """y = scale * (W x) + bias for samples that are vectors."""

    fields = frozenset(
        {
            "features",
            "bias",
            "trainable",
            "device",
            "algorithm",
            "scaling",
            "initial_range",
            "initial_value",
            "learning_rate_factor",
        }
    )

    def build(self, layer: Layer, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> Node:
        if layer.features is None:
            raise InputError(
                "a linear layer needs its number of outputs",
                field="features",
                allowed="an integer of at least 1",
                remedy="add for example 'features: 64'",
            )
        if len(shapes[0]) != 1:
            raise InputError(
                f"a linear layer takes vectors, but its input has the shape {list(shapes[0])}",
                field="inputs",
                value=list(inputs),
                remedy="put a layer of kind 'reshape' before it",
            )
        matrix = Matrix(layer.name, shapes[0][0], layer.features)
        return Node(layer.name, layer.kind, inputs, (layer.features,), layer, (matrix,))

    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        return inputs[0]

    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        return outputs[0]

    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        return d

    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        return gradients
