"""Local response normalisation: each number by the squares of those at its place in the channels around it."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer, LocalResponseNormLayer

__all__ = ["LocalResponseNorm"]


class LocalResponseNorm(DigitalOperator):
    """Krizhevsky, Sutskever and Hinton 2012, section 3.3; names and defaults of PyTorch's ``LocalResponseNorm``.

    With s = k + alpha / size * sum of x^2, y = x s^-beta, and the power is exp(-beta log s): two look-ups. The gradient
    computes s again, and gives d s^-beta - 2 alpha beta / size x * sum of d y / s over the channels that see x.
    """

    Settings = LocalResponseNormLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.multiply(inputs[0], self._power(node, self._base(node, inputs[0])))

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        unit, settings, base = self.arithmetic, _settings(node), self._base(node, inputs[0])
        size = settings.size
        shares = self._around(unit.divide(unit.multiply(d, output), base), (size - 1) // 2, size // 2)
        through = unit.multiply(unit.multiply(inputs[0], shares), 2 * settings.alpha * settings.beta / size)
        return (unit.subtract(unit.multiply(d, self._power(node, base)), through),)

    def cost(self, node: Node) -> OperatorCost:
        size = math.prod(node.shape)
        # The square, the sum, s, the exponent, the product.
        return OperatorCost((_settings(node).size + 3) * size, 2 * size)

    def gradient_cost(self, node: Node) -> OperatorCost:
        size = math.prod(node.shape)
        # As above up to the exponent; d y / s, its sum, and three products, one of them added.
        return OperatorCost((2 * _settings(node).size + 6) * size, 2 * size)

    def _base(self, node: Node, x: Array) -> Array:
        """Return s."""
        unit, settings = self.arithmetic, _settings(node)
        size = settings.size
        total = self._around(unit.multiply(x, x), size // 2, (size - 1) // 2)
        return unit.add(unit.multiply(total, settings.alpha / size), settings.k)

    def _power(self, node: Node, base: Array) -> Array:
        """Return s^-beta."""
        unit = self.arithmetic
        return unit.function(np.exp, unit.multiply(unit.function(np.log, base), -_settings(node).beta))

    def _around(self, x: Array, before: int, behind: int) -> Array:
        """Return for each channel the sum over so many channels before it, itself, and so many behind it."""
        total, channels = x.copy(), x.shape[1]
        for distance in range(1, min(before, channels - 1) + 1):
            total[:, distance:] = self.arithmetic.add(total[:, distance:], x[:, :-distance])
        for distance in range(1, min(behind, channels - 1) + 1):
            total[:, :-distance] = self.arithmetic.add(total[:, :-distance], x[:, distance:])
        return total


def _settings(node: Node) -> LocalResponseNormLayer:
    return cast(LocalResponseNormLayer, node.layer)
