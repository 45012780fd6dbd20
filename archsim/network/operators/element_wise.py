"""What operators have in common whose outputs each come from one number of each input."""

from __future__ import annotations

import math
from typing import ClassVar

from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer

__all__ = ["ElementWise"]


class ElementWise(DigitalOperator):
    """Same shape out as in; a number of operations for each element.

    A product with the sum that it goes into is one operation, as is a choice by comparison, or a table look-up.
    """

    #: What an element costs: forward, and at the gradient.
    each: ClassVar[OperatorCost] = OperatorCost(activations=1)
    each_gradient: ClassVar[OperatorCost] = OperatorCost(multiply_adds=1)

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def takes_positions(self, node: Node) -> bool:
        return True

    def cost(self, node: Node) -> OperatorCost:
        return self.each.times(math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return self.each_gradient.times(math.prod(node.shape))
