"""Layers that normalise, each with settings of its own."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import ParametricLayer

__all__ = ["BatchNormLayer"]

Small = Annotated[float, Field(gt=0)]


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
