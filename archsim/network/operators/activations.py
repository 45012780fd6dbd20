"""Element-wise activations of one table look-up or choice, and the softmax."""

from __future__ import annotations

import math
from typing import cast

from archsim.digital.activations import (
    leaky_relu,
    leaky_relu_gradient,
    relu,
    relu6,
    relu6_gradient,
    relu_gradient,
    sigmoid,
    sigmoid_gradient,
    softmax,
    softmax_gradient,
    tanh,
    tanh_gradient,
)
from archsim.digital.arrays import Array
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.element_wise import ElementWise
from archsim.network.specification import Layer, LeakyReLULayer

__all__ = ["Identity", "LeakyReLU", "ReLU", "ReLU6", "Sigmoid", "Softmax", "Tanh"]


class Identity(ElementWise):
    """y = x: no operation."""

    each = each_gradient = OperatorCost()

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return inputs[0]

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (d,)


class Sigmoid(ElementWise):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return sigmoid(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (sigmoid_gradient(output, d, self.arithmetic),)


class Tanh(ElementWise):
    """y = tanh(x)."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return tanh(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (tanh_gradient(output, d, self.arithmetic),)


class ReLU(ElementWise):
    """y = max(x, 0)."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return relu(inputs[0])

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (relu_gradient(output, d),)


class ReLU6(ElementWise):
    """y = min(max(x, 0), 6)."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return relu6(inputs[0])

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (relu6_gradient(output, d),)


class LeakyReLU(ElementWise):
    """y = x where it is positive, and slope x elsewhere: a choice and a product for each element."""

    Settings = LeakyReLULayer
    each = OperatorCost(multiply_adds=1, activations=1)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return leaky_relu(inputs[0], cast(LeakyReLULayer, node.layer).slope, self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (leaky_relu_gradient(inputs[0], d, cast(LeakyReLULayer, node.layer).slope, self.arithmetic),)


class Softmax(DigitalOperator):
    """y = exp(x) / sum exp(x): 4 multiply-adds (2 less for each row) and 1 look-up, 3 and none at the gradient.

    A row of n numbers takes n - 1 comparisons, n differences, n look-ups, n - 1 sums and n divisions; its gradient n
    products that are summed, n differences and n products.
    """

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return softmax(inputs[0], self.arithmetic)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return (softmax_gradient(output, d, self.arithmetic),)

    def waits_for_sample(self, node: Node) -> bool:
        # The last index is that of features of a sequence, and of positions of an image.
        return len(node.shape) > 2

    def takes_positions(self, node: Node) -> bool:
        return True

    def cost(self, node: Node) -> OperatorCost:
        *rows, size = node.shape
        return OperatorCost(multiply_adds=4 * size - 2, activations=size).times(math.prod(rows))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=3 * math.prod(node.shape))
