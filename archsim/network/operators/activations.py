"""Element-wise activations."""

from __future__ import annotations

import math

from archsim.digital.activations import relu, relu_gradient, sigmoid, sigmoid_gradient, tanh, tanh_gradient
from archsim.digital.arrays import Array
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer

__all__ = ["Identity", "ReLU", "Sigmoid", "Tanh"]


class _ElementWise(DigitalOperator):
    """Same shape out as in; one table look-up an element forward, one product backward."""

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(activations=math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=math.prod(node.shape))


class Identity(_ElementWise):
    """y = x; costs nothing."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return inputs[0]

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (d,)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost()

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()


class Sigmoid(_ElementWise):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return sigmoid(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (sigmoid_gradient(output, d, self.arithmetic),)


class Tanh(_ElementWise):
    """y = tanh(x)."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return tanh(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (tanh_gradient(output, d, self.arithmetic),)


class ReLU(_ElementWise):
    """y = max(x, 0)."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return relu(inputs[0])

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (relu_gradient(output, d),)
