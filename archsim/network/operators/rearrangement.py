"""Other orders, parts and joins of the same numbers: only addresses change, so they cost no operation."""

from __future__ import annotations

from itertools import accumulate
from typing import cast

import numpy as np

from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Node, Shape
from archsim.network.operators.base import DigitalOperator
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import ConcatLayer, Layer, SliceLayer, TransposeLayer

__all__ = ["Concat", "Rearrangement", "Slice", "Transpose"]


class Rearrangement(DigitalOperator):
    """Makes no new numbers, forward or at the gradient."""

    def cost(self, node: Node) -> OperatorCost:
        return OperatorCost()

    def gradient_cost(self, node: Node) -> OperatorCost:
        return OperatorCost()


class Concat(Rearrangement):
    """Its inputs one behind the other along an axis; each takes its part of the gradient."""

    Settings = ConcatLayer
    arity = 2
    takes_more = True

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        axis = cast(ConcatLayer, layer).axis
        for shape in inputs:
            _require_axis(axis, shape)
        if len({(shape[:axis], shape[axis + 1 :]) for shape in inputs}) > 1:
            raise InputError(
                f"inputs that are joined along axis {axis} must agree in all others, and these have "
                + ", ".join(str(list(shape)) for shape in inputs),
                field="inputs",
                value=None if layer.inputs is None else list(layer.inputs),
                remedy="choose another axis, or bring them to one shape otherwise",
            )
        return *inputs[0][:axis], sum(shape[axis] for shape in inputs), *inputs[0][axis + 1 :]

    def takes_positions(self, node: Node) -> bool:
        return cast(ConcatLayer, node.layer).axis > 0

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return np.concatenate(inputs, axis=cast(ConcatLayer, node.layer).axis + 1)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        axis = cast(ConcatLayer, node.layer).axis + 1
        ends = list(accumulate(x.shape[axis] for x in inputs))[:-1]
        return tuple(np.ascontiguousarray(part) for part in np.split(d, ends, axis=axis))


class Slice(Rearrangement):
    """A part of its input along an axis; the rest takes no gradient."""

    Settings = SliceLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        settings, shape = cast(SliceLayer, layer), inputs[0]
        _require_axis(settings.axis, shape)
        size = shape[settings.axis]
        stop = size if settings.stop is None else settings.stop
        if stop > size:
            raise InputError(
                f"axis {settings.axis} of the input, whose shape is {list(shape)}, ends before",
                field="stop",
                value=stop,
                allowed=f"at most {size}",
            )
        if settings.start >= stop:
            raise InputError("no element is left", field="start", value=settings.start, allowed=f"at most {stop - 1}")
        return *shape[: settings.axis], stop - settings.start, *shape[settings.axis + 1 :]

    def takes_positions(self, node: Node) -> bool:
        return cast(SliceLayer, node.layer).axis > 0

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return np.ascontiguousarray(inputs[0][_place(node)])

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        whole = np.zeros(inputs[0].shape, d.dtype)
        whole[_place(node)] = d
        return (whole,)


class Transpose(Rearrangement):
    """Its axes in another order; the gradient takes them back."""

    Settings = TransposeLayer

    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        axes = cast(TransposeLayer, layer).axes
        if sorted(axes) != list(range(len(inputs[0]))):
            raise InputError(
                f"each axis of the input, whose shape is {list(inputs[0])}, must be named once",
                field="axes",
                value=list(axes),
                allowed=f"the numbers from 0 to {len(inputs[0]) - 1} in some order",
            )
        return tuple(inputs[0][axis] for axis in axes)

    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        return _transposed(inputs[0], cast(TransposeLayer, node.layer).axes)

    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        axes = cast(TransposeLayer, node.layer).axes
        return (_transposed(d, tuple(axes.index(axis) for axis in range(len(axes)))),)


def _require_axis(axis: int, shape: Shape) -> None:
    if axis >= len(shape):
        raise InputError(
            f"an input has no such axis: its shape is {list(shape)}",
            field="axis",
            value=axis,
            allowed="0" if len(shape) == 1 else f"0 to {len(shape) - 1}",
        )


def _place(node: Node) -> tuple[slice, ...]:
    """Return where a slice lies in a block of its inputs."""
    settings = cast(SliceLayer, node.layer)
    return *[slice(None)] * (settings.axis + 1), slice(settings.start, settings.stop)


def _transposed(x: Array, axes: tuple[int, ...]) -> Array:
    return np.ascontiguousarray(x.transpose(0, *(axis + 1 for axis in axes)))
