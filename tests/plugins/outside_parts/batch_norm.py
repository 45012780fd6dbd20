"""Batch normalisation without gain and bias, over the samples that pass together."""

from __future__ import annotations

import math
from typing import Annotated, Literal, cast

import numpy as np
from pydantic import Field

from archsim.digital.arrays import Array
from archsim.network.graph import Node, Shape
from archsim.network.operators import DigitalOperator, OperatorCost
from archsim.network.specification import Layer


class BatchNormLayer(Layer):
    """y = (x - mean) / sqrt(variance + epsilon), mean and variance over a micro-batch."""

    kind: Literal["block-norm"] = "block-norm"
    epsilon: Annotated[float, Field(gt=0)] = 1e-5


class BatchNorm(DigitalOperator):
    """What the digital unit does for it."""

    Settings = BatchNormLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self._normalised(node, inputs[0])[0]

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        a = self.arithmetic
        y, deviation = self._normalised(node, inputs[0])
        spread = a.multiply(y, self._mean(a.multiply(d, y)))
        return (a.divide(a.subtract(a.subtract(d, self._mean(d)), spread), deviation),)

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=5 * math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(multiply_adds=7 * math.prod(node.shape))

    def _normalised(self, node: Node, x: Array) -> tuple[Array, Array]:
        a = self.arithmetic
        centred = a.subtract(x, self._mean(x))
        variance = self._mean(a.multiply(centred, centred))
        deviation = a.function(np.sqrt, a.add(variance, np.float32(cast(BatchNormLayer, node.layer).epsilon)))
        return a.divide(centred, deviation), deviation

    def _mean(self, x: Array) -> Array:
        return self.arithmetic.multiply(self.arithmetic.total(x, 0), np.float32(1 / len(x)))
