"""Layers that normalise, each with settings of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import Layer, ParametricLayer

__all__ = ["BatchNormLayer", "GroupNormLayer", "LayerNormLayer", "LocalResponseNormLayer", "RMSNormLayer"]

Small = Annotated[float, Field(gt=0)]
Positive = Annotated[int, Field(ge=1)]
Sizes = Annotated[tuple[Positive, ...], Field(min_length=1)]


class BatchNormLayer(ParametricLayer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, by channel: the first index of a sample's shape.

    In training mean and variance are those of the micro-batch, over its samples and all positions of the channel, so it
    waits for the whole micro-batch: a barrier for chunks. Evaluations and runs without training take running averages
    instead, as scale and shift. With each micro-batch that a U applies, the averages move by ``momentum`` towards its
    mean and its unbiased variance. With ``folded`` they stay what they are, and training takes them, too: a scale and a
    shift, for networks whose batch norm is trained already.
    """

    kind: Literal["batch-norm"] = "batch-norm"
    eps: Small = 1e-5
    momentum: Annotated[float, Field(gt=0, le=1)] = 0.1
    affine: bool = True
    folded: bool = False


class LayerNormLayer(ParametricLayer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, over the last indices of each sample.

    ``normalized_shape`` says which: sizes of the last indices, the very last one without it. Each element of it has a
    weight and a bias.
    """

    kind: Literal["layer-norm"] = "layer-norm"
    normalized_shape: Sizes | None = None
    eps: Small = 1e-5
    affine: bool = True


class GroupNormLayer(ParametricLayer):
    """y = weight (x - mean) / sqrt(var + eps) + bias, over each group of channels of a sample, all positions included.

    Channels are the first index of a sample's shape; each has a weight and a bias.
    """

    kind: Literal["group-norm"] = "group-norm"
    groups: Positive
    eps: Small = 1e-5
    affine: bool = True


class RMSNormLayer(ParametricLayer):
    """y = weight x / sqrt(mean(x^2) + eps), over the last indices of each sample, as of a layer norm."""

    kind: Literal["rms-norm"] = "rms-norm"
    normalized_shape: Sizes | None = None
    eps: Small = 1e-5
    affine: bool = True


class LocalResponseNormLayer(Layer):
    """y = x / (k + alpha / size * sum of x^2)^beta, the sum over the ``size`` channels around each one.

    Channels are the first index of a sample's shape. Those around channel c are c - floor(size / 2) to
    c + floor((size - 1) / 2), as far as there are any.
    """

    kind: Literal["local-response-norm"] = "local-response-norm"
    size: Positive
    alpha: Annotated[float, Field(ge=0)] = 1e-4
    beta: Annotated[float, Field(ge=0)] = 0.75
    k: Small = 1.0
