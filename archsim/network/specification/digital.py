"""Layers with settings that a digital unit computes alone: activations, and other orders of the same numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import Layer

__all__ = ["ConcatLayer", "DropoutLayer", "GELULayer", "LeakyReLULayer", "SliceLayer", "TransposeLayer"]

Axis = Annotated[int, Field(ge=0)]


class GELULayer(Layer):
    """y = x times the normal distribution function at x (Hendrycks & Gimpel 2016, arXiv:1606.08415).

    With ``approximate: tanh`` it is x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. An element takes 1 multiply-add
    and 1 look-up of a function forward, 5 and 2 at the gradient; the approximation 4 and 1, and 8 and 1.
    """

    kind: Literal["gelu"] = "gelu"
    approximate: Literal["none", "tanh"] = "none"


class LeakyReLULayer(Layer):
    """y = x where it is positive, and ``slope`` times x elsewhere.

    An element takes a choice and a product forward, and a product at the gradient, which at 0 is that of negative
    numbers.
    """

    kind: Literal["leaky-relu"] = "leaky-relu"
    slope: Annotated[float, Field(ge=0)] = 0.01


class DropoutLayer(Layer):
    """In training each element is 0 with a probability, and else divided by 1 minus that; elsewhere it is what it was.

    Which elements are left out follows from the seed of noise, the layer and the sample's index in the run, so it is
    the same in every schedule and block. An element takes a draw, counted as a look-up, and a product, and both again
    at the gradient; a forward-only run and evaluations take nothing.
    """

    kind: Literal["dropout"] = "dropout"
    probability: Annotated[float, Field(ge=0, lt=1)] = 0.5


class ConcatLayer(Layer):
    """Two inputs or more, one behind the other along an axis; free of operations.

    Axes are counted from 0, that of channels in an image. All other axes of the inputs must agree.
    """

    kind: Literal["concat"] = "concat"
    axis: Axis = 0


class SliceLayer(Layer):
    """The elements of its input from ``start`` to before ``stop`` along an axis; free of operations.

    A split is several slices of one layer. Each hands back a gradient of the whole shape, zero outside of its part, and
    these are added like those of all readers of one layer.
    """

    kind: Literal["slice"] = "slice"
    axis: Axis = 0
    start: Annotated[int, Field(ge=0)] = 0
    stop: Annotated[int, Field(ge=1)] | None = None


class TransposeLayer(Layer):
    """Its axes in another order; free of operations.

    Axis k of the output is axis ``axes[k]`` of the input: ``[1, 0]`` makes a sequence (length, features) of channels
    (channels, length), and back.
    """

    kind: Literal["transpose"] = "transpose"
    axes: Annotated[tuple[Axis, ...], Field(min_length=1)]
