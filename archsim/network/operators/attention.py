"""Attention: products of activations with activations, which a digital unit takes."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.digital.attention import Mask, attention, attention_gradient
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import AttentionLayer, Layer

__all__ = ["Attention"]


class Attention(DigitalOperator):
    """Scaled dot-product attention of queries, keys and values; the gradient computes its weights again.

    With P pairs of a query and a key that it sees, F features of each, G of a value and H heads, the forward takes
    P (F + G) multiply-adds for the products, Q F for scaling Q queries, and for each head those of the softmax of the
    pairs, 4 P - 2 Q and P look-ups. The gradient takes the weights once more, 2 P (F + G) for four products, 3 P H for
    the softmax and Q F for scaling.
    """

    Settings = AttentionLayer
    arity = 3
    needs_sample = True

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        settings = cast(AttentionLayer, layer)
        queries, keys, values = (_sequence(layer, shape) for shape in inputs)
        if queries[1] != keys[1]:
            raise _unfit(layer, f"queries have {queries[1]} features, and keys {keys[1]}")
        if keys[0] != values[0]:
            raise _unfit(layer, f"there are {keys[0]} keys, and {values[0]} values")
        if settings.causal and queries[0] != keys[0]:
            raise _unfit(layer, f"causal attention needs a key for each query, and {queries[0]} have {keys[0]}")
        for features in (keys[1], values[1]):
            if features % settings.heads:
                common = math.gcd(keys[1], values[1])
                raise InputError(
                    f"{features} features do not divide into {settings.heads} heads",
                    field="heads",
                    value=settings.heads,
                    allowed="1" if common == 1 else f"a divisor of {common}",
                )
        return queries[0], values[1]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        q, k, v = (_split(x, node) for x in inputs)
        return _joined(attention(q, k, v, _hidden(node), self.arithmetic))

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        q, k, v = (_split(x, node) for x in inputs)
        return tuple(map(_joined, attention_gradient(q, k, v, _hidden(node), _split(d, node), self.arithmetic)))

    def takes_positions(self, node: Node) -> bool:
        return _settings(node).causal

    def position_cost(self, node: Node, position: int) -> OperatorCost:
        # Of one query, and as many keys and values as it sees.
        (_, features), pairs, heads = node.input_shapes[0], position + 1, _settings(node).heads
        products = features + pairs * (features + node.shape[1])
        return OperatorCost(multiply_adds=products + heads * (4 * pairs - 2), activations=heads * pairs)

    def recalled_elements(self, node: Node, position: int) -> int:
        # The keys and values of the positions before; those of its own are at hand.
        return position * (node.input_shapes[1][1] + node.input_shapes[2][1])

    def cost(self, node: Node) -> OperatorCost:
        return _weights_cost(node) + OperatorCost(multiply_adds=_pairs(node) * node.shape[1])

    def gradient_cost(self, node: Node) -> OperatorCost:
        queries, features = node.input_shapes[0]
        products = 2 * _pairs(node) * (features + node.shape[1])
        softmax = 3 * _pairs(node) * _settings(node).heads
        return _weights_cost(node) + OperatorCost(multiply_adds=products + softmax + queries * features)


def _settings(node: Node) -> AttentionLayer:
    return cast(AttentionLayer, node.layer)


def _sequence(layer: Layer, shape: Shape) -> Shape:
    if len(shape) != 2:
        raise _unfit(layer, f"attention takes sequences (length, features), and an input has the shape {list(shape)}")
    return shape


def _unfit(layer: Layer, problem: str) -> InputError:
    return InputError(
        problem,
        field="inputs",
        value=None if layer.inputs is None else list(layer.inputs),
        allowed="queries, keys and values, in this order: (queries, n), (keys, n) and (keys, m)",
    )


def _pairs(node: Node) -> int:
    """Return how many pairs of a query and a key are computed for a sample: hidden ones are not."""
    queries, keys = node.input_shapes[0][0], node.input_shapes[1][0]
    return queries * (queries + 1) // 2 if _settings(node).causal else queries * keys


def _weights_cost(node: Node) -> OperatorCost:
    """Return what the weights cost: scaled queries, products with keys, softmax."""
    (queries, features), pairs, heads = node.input_shapes[0], _pairs(node), _settings(node).heads
    softmax = heads * (4 * pairs - 2 * queries)
    return OperatorCost(multiply_adds=(queries + pairs) * features + softmax, activations=heads * pairs)


def _hidden(node: Node) -> Mask | None:
    if not _settings(node).causal:
        return None
    length = node.shape[0]
    return ~np.tri(length, dtype=np.bool_)


def _split(x: Array, node: Node) -> Array:
    """Return a sequence (samples, length, features) as (samples, heads, length, features of a head)."""
    return x.reshape(*x.shape[:2], _settings(node).heads, -1).swapaxes(1, 2)


def _joined(x: Array) -> Array:
    """Return (samples, heads, length, features of a head) as a sequence (samples, length, features)."""
    return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(len(x), x.shape[2], -1)
