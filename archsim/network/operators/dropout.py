"""Dropout: in training, elements that are left out at random."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array
from archsim.network.graph import Node, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.stateful import Pass, StatefulOperator
from archsim.network.specification import DropoutLayer, Layer

__all__ = ["Dropout"]


class Dropout(StatefulOperator):
    """In training y = x / (1 - p), or 0 with the probability p; else y = x.

    Srivastava et al. 2014, JMLR 15, 1929; scaled in training, as PyTorch does it. Whether an element is left out
    follows from the seed of noise, the layer, the sample's index in the run and the element alone. So nothing is kept
    for the gradient, which draws the same again: a draw counts as a look-up, the factor as a product.
    """

    Settings = DropoutLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def takes_positions(self, node: Node) -> bool:
        return True

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        return self._scaled(node, inputs[0], at) if at.training else inputs[0]

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        return (self._scaled(node, d, at),), {}

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=1, activations=1).times(math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return self.cost(node)

    def evaluation_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()

    def _scaled(self, node: Node, x: Array, at: Pass) -> Array:
        factor = 1 / (1 - _probability(node))
        result: Array = np.where(_stays(node, len(x), at), self.arithmetic.multiply(x, factor), x.dtype.type(0))
        return result


def _stays(node: Node, samples: int, at: Pass) -> NDArray[np.bool_]:
    """Return which elements of a block's samples are not left out."""
    numbers = at.uniforms.rows(at.first_sample, samples, math.prod(node.shape))
    stays: NDArray[np.bool_] = numbers >= np.float32(_probability(node))
    return stays.reshape(samples, *node.shape)


def _probability(node: Node) -> float:
    return cast(DropoutLayer, node.layer).probability
