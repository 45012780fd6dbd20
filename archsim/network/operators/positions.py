"""What tells positions of a sequence apart, without parameters: sines of several wavelengths."""

from __future__ import annotations

import math

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer

__all__ = ["PositionalEncoding", "added_positions_cost", "require_sequence", "sinusoids"]


class PositionalEncoding(DigitalOperator):
    """y = x + p with p(t, 2i) = sin(t / 10000^(2i / F)) and p(t, 2i + 1) = cos(t / 10000^(2i / F)).

    For position t of F features (Vaswani et al. 2017, arXiv:1706.03762, section 3.5); one addition a number.
    """

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return require_sequence(layer, inputs[0])

    def takes_positions(self, node: Node) -> bool:
        return True

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        table = sinusoids(node.shape).astype(inputs[0].dtype)
        return self.arithmetic.add(inputs[0], self.arithmetic.number(table))

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (d,)

    def cost(self, node: Node) -> OperatorCost:
        return added_positions_cost(node)

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()


def sinusoids(shape: Shape) -> Array:
    """Return p(t, f) for all positions and features, shape (length, features)."""
    length, features = shape
    even = np.arange(features) // 2 * 2
    angles = np.arange(length)[:, None] / 10000.0 ** (even / features)
    found: Array = np.where(np.arange(features) % 2, np.cos(angles), np.sin(angles))
    return found


def added_positions_cost(node: Node) -> OperatorCost:
    """Return what an addition for each number of the output costs."""
    return OperatorCost(multiply_adds=math.prod(node.shape))


def require_sequence(layer: Layer, shape: Shape) -> Shape:
    """Return the shape of a sequence, (length, features); refuse another."""
    if len(shape) != 2:
        raise InputError(
            f"a {layer.kind} layer takes sequences, but its input has the shape {list(shape)}",
            field="inputs",
            value=None if layer.inputs is None else list(layer.inputs),
            allowed="a shape of two numbers: length, features",
        )
    return shape
