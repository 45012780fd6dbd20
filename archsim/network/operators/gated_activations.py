"""Activations that multiply their input by a gate that it opens itself."""

from __future__ import annotations

import math
from typing import cast

from archsim.digital.arrays import Array
from archsim.digital.gated_activations import (
    gelu,
    gelu_gradient,
    gelu_tanh,
    gelu_tanh_gradient,
    hard_swish,
    hard_swish_gradient,
    silu,
    silu_gradient,
)
from archsim.network.graph import Node
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.element_wise import ElementWise
from archsim.network.specification import GELULayer

__all__ = ["GELU", "HardSwish", "SiLU"]


class SiLU(ElementWise):
    """y = x / (1 + exp(-x)), also called swish: 1 multiply-add and 1 look-up, 3 and 1 at the gradient."""

    each = OperatorCost(multiply_adds=1, activations=1)
    each_gradient = OperatorCost(multiply_adds=3, activations=1)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return silu(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (silu_gradient(inputs[0], output, d, self.arithmetic),)


class HardSwish(ElementWise):
    """y = x min(max(x + 3, 0), 6) / 6: 2 multiply-adds and 1 choice, as at the gradient."""

    each = OperatorCost(multiply_adds=2, activations=1)
    each_gradient = OperatorCost(multiply_adds=2, activations=1)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return hard_swish(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (hard_swish_gradient(inputs[0], d, self.arithmetic),)


class GELU(ElementWise):
    """y = x times the normal distribution function at x, or its approximation by tanh.

    An element costs 1 multiply-add and 1 look-up, the approximation 4 and 1; the gradient 5 and 2, and 8 and 1.
    """

    Settings = GELULayer

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return gelu_tanh(inputs[0], self.arithmetic) if _approximates(node) else gelu(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        if _approximates(node):
            return (gelu_tanh_gradient(inputs[0], output, d, self.arithmetic),)
        return (gelu_gradient(inputs[0], d, self.arithmetic),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=4 if _approximates(node) else 1, activations=1).times(math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        each = OperatorCost(8, 1) if _approximates(node) else OperatorCost(5, 2)
        return each.times(math.prod(node.shape))


def _approximates(node: Node) -> bool:
    return cast(GELULayer, node.layer).approximate == "tanh"
