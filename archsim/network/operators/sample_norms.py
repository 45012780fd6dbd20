"""Normalisation within a sample: over its last indices, over groups of channels, or by the root mean square."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Parameter, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.stateful import Pass, StatefulOperator, affine_parameters
from archsim.network.specification import GroupNormLayer, Layer, LayerNormLayer, RMSNormLayer

__all__ = ["GroupNorm", "LayerNorm", "RMSNorm"]

_Settings = LayerNormLayer | GroupNormLayer | RMSNormLayer


class _SampleNorm(StatefulOperator):
    """x^ = (x - mean) / sqrt(var + eps) over runs of n values of a sample, times weight and plus bias.

    The gradient at x, with g that at x^, is (g - sum(g) / n - x^ sum(g x^) / n) / sqrt(var + eps). The forward keeps
    the mean and 1 / sqrt(var + eps) of each run.
    """

    #: Whether the mean is subtracted, and there is a bias.
    centres: ClassVar[bool] = True

    @abstractmethod
    def _run(self, layer: Layer, shape: Shape) -> int:
        """Return how many values, one after the other in a sample, are normalised together."""

    @abstractmethod
    def _parameter_shape(self, layer: Layer, shape: Shape) -> Shape:
        """Return the shape of the weight."""

    def _aligned(self, parameter: Array, shape: Shape) -> Array:
        """Return a weight or bias in a shape that broadcasts to samples of a shape."""
        return parameter

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        self._run(layer, inputs[0])
        return inputs[0]

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        settings = cast(_Settings, layer)
        if not settings.affine:
            return ()
        found = affine_parameters(settings, self._parameter_shape(layer, inputs[0]))
        return found if self.centres else found[:1]

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        unit, rows = self.arithmetic, self._rows(node, inputs[0])
        if self.centres:
            at.kept["mean"] = unit.mean(rows, 1)
            rows = unit.subtract(rows, at.kept["mean"][:, None])
        variance = unit.mean(unit.multiply(rows, rows), 1)
        root = unit.function(np.sqrt, unit.add(variance, cast(_Settings, node.layer).eps))
        at.kept["slope"] = unit.divide(1, root)
        y = unit.multiply(rows, at.kept["slope"][:, None]).reshape(inputs[0].shape)
        for name, combine in (("weight", unit.multiply), ("bias", unit.add)):
            if name in at.values:
                y = combine(y, self._aligned(at.values[name], node.shape))
        return y

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        unit, slope = self.arithmetic, at.kept["slope"][:, None]
        normalised = self._rows(node, inputs[0])
        if self.centres:
            normalised = unit.subtract(normalised, at.kept["mean"][:, None])
        normalised = unit.multiply(normalised, slope)
        found = {}
        if "weight" in at.values:
            products = unit.update.multiply(d, normalised.reshape(d.shape))
            found = {
                name: self._summed(node, x) for name, x in (("weight", products), ("bias", d)) if name in at.values
            }
            d = unit.multiply(d, self._aligned(at.values["weight"], node.shape))
        rows = self._rows(node, d)
        along = unit.multiply(normalised, unit.mean(unit.multiply(rows, normalised), 1)[:, None])
        if self.centres:
            rows = unit.subtract(rows, unit.mean(rows, 1)[:, None])
        return (unit.multiply(unit.subtract(rows, along), slope).reshape(d.shape),), found

    def cost(self, node: Node) -> OperatorCost:
        size, runs, weighted = math.prod(node.shape), self._runs(node), bool(node.parameters)
        each = (4 if self.centres else 2) + weighted
        return OperatorCost(each * size + (3 if self.centres else 2) * runs, runs)

    def gradient_cost(self, node: Node) -> OperatorCost:
        size, runs = math.prod(node.shape), self._runs(node)
        weighted = bool(node.parameters) + sum(parameter.trained for parameter in node.parameters)
        return OperatorCost(((5 if self.centres else 4) + weighted) * size + (5 if self.centres else 2) * runs)

    def kept_elements(self, node: Node) -> int:
        return (2 if self.centres else 1) * self._runs(node)

    def _rows(self, node: Node, x: Array) -> Array:
        return x.reshape(-1, self._run(node.layer, node.shape))

    def _runs(self, node: Node) -> int:
        return math.prod(node.shape) // self._run(node.layer, node.shape)

    def _summed(self, node: Node, x: Array) -> Array:
        """Return the sum for each element of the weight."""
        shape = self._parameter_shape(node.layer, node.shape)
        return self.arithmetic.update.total(x.reshape(-1, math.prod(shape)), axis=0).reshape(shape)


class LayerNorm(_SampleNorm):
    """Ba, Kiros and Hinton 2016, arXiv:1607.06450; names and defaults of PyTorch's ``LayerNorm``."""

    Settings: ClassVar[type[Layer]] = LayerNormLayer

    def _run(self, layer: Layer, shape: Shape) -> int:
        return math.prod(self._parameter_shape(layer, shape))

    def _parameter_shape(self, layer: Layer, shape: Shape) -> Shape:
        wanted = cast(LayerNormLayer | RMSNormLayer, layer).normalized_shape or shape[-1:]
        if shape[-len(wanted) :] != wanted:
            raise InputError(
                f"the input has the shape {list(shape)}, which does not end so",
                field="normalized_shape",
                value=list(wanted),
                allowed=", ".join(str(list(shape[start:])) for start in range(len(shape))),
            )
        return wanted

    def waits_for_sample(self, node: Node) -> bool:
        # The last index is that of features of a sequence, and of positions of an image.
        return len(node.shape) > 2 or len(self._parameter_shape(node.layer, node.shape)) > 1

    def takes_positions(self, node: Node) -> bool:
        return not self.waits_for_sample(node)


class RMSNorm(LayerNorm):
    """Zhang and Sennrich 2019, arXiv:1910.07467: a layer norm without mean and bias."""

    Settings = RMSNormLayer
    centres = False


class GroupNorm(_SampleNorm):
    """Wu and He 2018, arXiv:1803.08494; names and defaults of PyTorch's ``GroupNorm``."""

    Settings = GroupNormLayer
    needs_sample = True

    def _run(self, layer: Layer, shape: Shape) -> int:
        groups = cast(GroupNormLayer, layer).groups
        if shape[0] % groups:
            raise InputError(
                f"{shape[0]} channels do not divide into {groups} groups",
                field="groups",
                value=groups,
                allowed=f"a divisor of {shape[0]}",
            )
        return math.prod(shape) // groups

    def _parameter_shape(self, layer: Layer, shape: Shape) -> Shape:
        return shape[:1]

    def _aligned(self, parameter: Array, shape: Shape) -> Array:
        return parameter.reshape(-1, *[1] * (len(shape) - 1))

    def _summed(self, node: Node, x: Array) -> Array:
        by_channel = np.ascontiguousarray(np.moveaxis(x, 1, 0)).reshape(node.shape[0], -1)
        return self.arithmetic.update.total(by_channel, axis=1)
