"""Tables of vectors in the digital unit: one for each token, or for each position of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Parameter, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.positions import added_positions_cost, require_sequence
from archsim.network.operators.stateful import Pass, StatefulOperator
from archsim.network.specification import EmbeddingLayer, Layer, PositionEmbeddingLayer

__all__ = ["Embedding", "PositionEmbedding"]


class Embedding(StatefulOperator):
    """The trained vector of each token; only rows of tokens that a micro-batch holds take a gradient.

    A look-up takes no element operation. The gradient adds each position's vector to the row of its token, and a U
    changes at most as many rows as there are positions, a multiply-add for each number.
    """

    Settings = EmbeddingLayer

    def vocabulary(self, layer: Layer) -> int | None:
        return cast(EmbeddingLayer, layer).vocabulary

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        if len(inputs[0]) != 1:
            raise InputError(
                f"an embedding takes sequences of tokens, but its input has the shape {list(inputs[0])}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                allowed="the network's input, whose shape is one number: the length of a sequence",
                remedy="give tokens by their numbers; one-hot vectors meet the matrix of a layer of kind 'linear'",
            )
        return inputs[0][0], cast(EmbeddingLayer, layer).features

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        settings = cast(EmbeddingLayer, layer)
        return (_table(settings, (settings.vocabulary, settings.features)),)

    def takes_positions(self, node: Node) -> bool:
        return True

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        found: Array = at.values["weight"].take(_numbers(inputs[0]), axis=0)
        return found

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        table = np.zeros_like(at.values["weight"])
        # Row after row in the order of samples and positions, as an accumulator would.
        np.add.at(table, _numbers(inputs[0]).reshape(-1), d.reshape(-1, d.shape[-1]))
        return (np.zeros_like(inputs[0]),), {"weight": self.arithmetic.update.number(table)}

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost()

    def gradient_cost(self, node: Node) -> OperatorCost:
        return added_positions_cost(node)

    def update_cost(self, node: Node) -> OperatorCost:
        return added_positions_cost(node) if node.updated else OperatorCost()


class PositionEmbedding(StatefulOperator):
    """y = x + p, with a trained vector p for each position, the same in every sample (Gehring et al. 2017,
    arXiv:1705.03122, section 3.1); as many additions as numbers, and once more at the gradient."""

    Settings = PositionEmbeddingLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return require_sequence(layer, inputs[0])

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        return (_table(cast(PositionEmbeddingLayer, layer), inputs[0]),)

    def takes_positions(self, node: Node) -> bool:
        return True

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        return self.arithmetic.add(inputs[0], at.values["weight"])

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        return (d,), {"weight": self.arithmetic.update.total(d, axis=0)}

    def cost(self, node: Node) -> OperatorCost:
        return added_positions_cost(node)

    def gradient_cost(self, node: Node) -> OperatorCost:
        return added_positions_cost(node) if node.updated else OperatorCost()


def _table(settings: EmbeddingLayer | PositionEmbeddingLayer, shape: Shape) -> Parameter:
    return Parameter(
        "weight",
        shape,
        initial_std=settings.initial_std,
        trained=settings.trainable,
        learning_rate_factor=settings.learning_rate_factor,
    )


def _numbers(tokens: Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return tokens.astype(np.int64)
