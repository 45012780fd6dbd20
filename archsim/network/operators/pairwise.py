"""Two branches, element by element; one of them may be the same along axes of the other."""

from __future__ import annotations

import math

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.operators.element_wise import ElementWise
from archsim.network.specification import Layer

__all__ = ["Add", "Multiply"]


class _Pairwise(ElementWise):
    """Two inputs of as many axes, of one size each or of size 1 where an input is the same along the axis."""

    arity = 2
    each = OperatorCost(multiply_adds=1)

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        first, second = inputs
        if len(first) != len(second) or any(a != b and 1 not in (a, b) for a, b in zip(first, second, strict=True)):
            raise InputError(
                f"a layer of kind '{layer.kind}' needs inputs of one shape, or with 1 where an input is the same along "
                f"an axis, and these have {list(first)} and {list(second)}",
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy=_remedy(first, second),
            )
        return tuple(map(max, first, second))

    def _summed(self, gradient: Array, shape: Shape) -> Array:
        """Return the gradient at an input: summed over the axes along which it is the same."""
        shared = [axis for axis, size in enumerate(shape, 1) if size < gradient.shape[axis]]
        if not shared:
            return gradient
        own = [axis for axis in range(gradient.ndim) if axis not in shared]
        rows = np.ascontiguousarray(gradient.transpose(*own, *shared)).reshape(len(gradient), math.prod(shape), -1)
        return self.arithmetic.total(rows, axis=2).reshape(len(gradient), *shape)


class Add(_Pairwise):
    """y = x1 + x2; both take its gradient: 1 multiply-add, none at the gradient but for sums over shared axes."""

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.add(*inputs)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        return self._summed(d, node.input_shapes[0]), self._summed(d, node.input_shapes[1])

    def gradient_cost(self, node: Node) -> OperatorCost:
        size = math.prod(node.shape)
        return OperatorCost(multiply_adds=sum(size - math.prod(shape) for shape in node.input_shapes))


class Multiply(_Pairwise):
    """y = x1 x2, element by element; each takes its gradient times the other: 1 multiply-add, 2 at the gradient."""

    each_gradient = OperatorCost(multiply_adds=2)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return self.arithmetic.multiply(*inputs)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        first, second = (self.arithmetic.multiply(d, other) for other in reversed(inputs))
        return self._summed(first, node.input_shapes[0]), self._summed(second, node.input_shapes[1])


def _remedy(first: Shape, second: Shape) -> str:
    shorter, longer = sorted((first, second), key=len)
    if len(shorter) < len(longer) and shorter == longer[: len(shorter)]:
        wanted = [*shorter, *[1] * (len(longer) - len(shorter))]
        return f"put a 'reshape' to {wanted} behind the one of the shape {list(shorter)}"
    layer = "a 'conv2d' with a kernel of 1 and a stride" if len(longer) > 2 else "a layer of kind 'linear'"
    return f"bring one to the other's shape, for example by {layer}"
