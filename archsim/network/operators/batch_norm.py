"""Batch normalisation: each channel of a micro-batch, or a scale and a shift from running averages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.network.graph import Node, Parameter, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.stateful import Pass, StatefulOperator, affine_parameters
from archsim.network.specification import BatchNormLayer, Layer

__all__ = ["BatchNorm"]


class BatchNorm(StatefulOperator):
    """Ioffe and Szegedy 2015, arXiv:1502.03167; names and defaults of PyTorch's ``BatchNorm2d``.

    With x^ = (x - mean) / sqrt(var + eps) over the M values of a channel, the gradient at x is
    weight / sqrt(var + eps) (d - sum(d) / M - x^ sum(d x^) / M). Its parts run over all values of the micro-batch: a
    sum, a difference, a sum of squares, scale and shift; back, two sums, x^, and a combination of d and x^.
    """

    Settings = BatchNormLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        return inputs[0]

    def parameters(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Parameter, ...]:
        settings = cast(BatchNormLayer, layer)
        channels, running = inputs[0][:1], not settings.folded
        state = (
            Parameter("running_mean", channels, 0.0, trained=False, state=running),
            Parameter("running_var", channels, 1.0, trained=False, state=running),
        )
        return (*affine_parameters(settings, channels), *state) if settings.affine else state

    def waits_for_block(self, node: Node, *, training: bool) -> bool:
        return training and not _settings(node).folded

    def takes_positions(self, node: Node) -> bool:
        # Without training it is a scale and a shift of each number.
        return True

    def least_samples(self, node: Node) -> int:
        # A single value has no variance.
        return 2 if math.prod(node.shape[1:]) == 1 and not _settings(node).folded else 1

    def forward_pass(self, node: Node, inputs: tuple[Array, ...], at: Pass) -> Array:
        unit, x = self.arithmetic, _by_channel(inputs[0])
        if not at.training or _settings(node).folded:
            mean, slope = at.values["running_mean"], self._slope(node, at.values["running_var"])
            at.kept.update(mean=mean, slope=slope)
            scale = self._scale(node, at)
            shift = unit.subtract(at.values.get("bias", 0), unit.multiply(mean, scale))
            return _by_sample(unit.add(unit.multiply(x, scale[:, None]), shift[:, None]), inputs[0].shape)
        mean = unit.mean(x, 1)
        centred = unit.subtract(x, mean[:, None])
        variance = unit.mean(unit.multiply(centred, centred), 1)
        # Unbiased, as PyTorch's running average takes it; of a single value there is none but 0.
        unbiased = unit.multiply(variance, x.shape[1] / max(x.shape[1] - 1, 1))
        at.kept.update(mean=mean, slope=self._slope(node, variance), unbiased=unbiased)
        y = unit.multiply(centred, self._scale(node, at)[:, None])
        if _settings(node).affine:
            y = unit.add(y, at.values["bias"][:, None])
        return _by_sample(y, inputs[0].shape)

    def backward_pass(
        self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array, at: Pass
    ) -> tuple[tuple[Array, ...], Mapping[str, Array]]:
        unit, settings, flat = self.arithmetic, _settings(node), _by_channel(d)
        found: dict[str, Array] = {}
        if not settings.folded or (settings.affine and settings.trainable):
            centred = unit.subtract(_by_channel(inputs[0]), at.kept["mean"][:, None])
            normalised = unit.multiply(centred, at.kept["slope"][:, None])
            products = unit.update.multiply(flat, normalised)
            if settings.affine:
                found = {"weight": unit.update.total(products, axis=1), "bias": unit.update.total(flat, axis=1)}
            if not settings.folded:
                along = unit.multiply(normalised, unit.mean(products, 1)[:, None])
                flat = unit.subtract(unit.subtract(flat, unit.mean(flat, 1)[:, None]), along)
        return (_by_sample(unit.multiply(flat, self._scale(node, at)[:, None]), d.shape),), found

    def next_state(self, node: Node, at: Pass) -> Mapping[str, Array]:
        if _settings(node).folded:
            return {}
        unit, momentum = self.arithmetic.parameters, _settings(node).momentum

        def moved(name: str, seen: Array) -> Array:
            return unit.add(unit.multiply(at.values[name], 1 - momentum), unit.multiply(seen, momentum))

        return {
            "running_mean": moved("running_mean", at.kept["mean"]),
            "running_var": moved("running_var", at.kept["unbiased"]),
        }

    def cost(self, node: Node) -> OperatorCost:
        if _settings(node).folded:
            return self.evaluation_cost(node)
        # Of each channel: its mean, its variance, eps, and the product with the weight; 1 / sqrt(x) is looked up.
        return OperatorCost(4 * math.prod(node.shape), 0, 4 * node.shape[0], node.shape[0])

    def evaluation_cost(self, node: Node) -> OperatorCost:
        return OperatorCost(math.prod(node.shape))

    def gradient_cost(self, node: Node) -> OperatorCost:
        settings, size = _settings(node), math.prod(node.shape)
        if not settings.folded:
            # Of each channel: two means, and the factors and the shift of the combination.
            return OperatorCost(5 * size, block_multiply_adds=5 * node.shape[0])
        return OperatorCost((4 if settings.affine and settings.trainable else 1) * size)

    def kept_block_elements(self, node: Node) -> int:
        # Mean and 1 / sqrt(var + eps) for the gradient, mean and unbiased variance for the running averages.
        return 0 if _settings(node).folded else 3 * node.shape[0]

    def _slope(self, node: Node, variance: Array) -> Array:
        unit = self.arithmetic
        return unit.divide(1, unit.function(np.sqrt, unit.add(variance, _settings(node).eps)))

    def _scale(self, node: Node, at: Pass) -> Array:
        """Return weight / sqrt(var + eps), with the weight as it is now."""
        slope = at.kept["slope"]
        return self.arithmetic.multiply(slope, at.values["weight"]) if _settings(node).affine else slope


def _settings(node: Node) -> BatchNormLayer:
    return cast(BatchNormLayer, node.layer)


def _by_channel(x: Array) -> Array:
    """Return the values of each channel in a row: sample after sample, position after position."""
    return np.ascontiguousarray(x.reshape(*x.shape[:2], -1).transpose(1, 0, 2)).reshape(x.shape[1], -1)


def _by_sample(rows: Array, shape: tuple[int, ...]) -> Array:
    """Return what `_by_channel` put into rows in the shape of a block of samples."""
    samples, channels = shape[:2]
    return np.ascontiguousarray(rows.reshape(channels, samples, -1).transpose(1, 0, 2)).reshape(shape)
