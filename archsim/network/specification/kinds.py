"""The kinds of layers, each with settings of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import Layer, MatrixLayer
from archsim.specification import OpenUnion

__all__ = ["AnyLayer", "LinearLayer", "PlainLayer", "ReshapeLayer"]

Positive = Annotated[int, Field(ge=1)]


class LinearLayer(MatrixLayer):
    """y = scale * (W x) + bias: a matrix that meets one vector a sample."""

    kind: Literal["linear"] = "linear"
    features: Positive


class ReshapeLayer(Layer):
    """Another shape for the same numbers; free of cost."""

    kind: Literal["reshape"] = "reshape"
    shape: tuple[Positive, ...] | None = None


class PlainLayer(Layer):
    """An operator without settings.

    ``sigmoid``, ``tanh``, ``relu`` and ``identity`` act element by element.
    """

    kind: Literal["identity", "relu", "sigmoid", "tanh"]


#: A layer of one of the kinds, those of other packages included.
AnyLayer = Annotated[
    LinearLayer | ReshapeLayer | PlainLayer,
    Field(discriminator="kind"),
    OpenUnion("archsim.operators"),
]
