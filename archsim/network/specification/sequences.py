"""Layers over sequences (length, features) that a digital unit computes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import Layer

__all__ = ["AttentionLayer"]

Positive = Annotated[int, Field(ge=1)]


class AttentionLayer(Layer):
    """softmax(q k^T / sqrt(n)) v, for the sequences (length, features) of three inputs: queries q, keys k, values v.

    Features divide into ``heads`` of n features, each with products and a softmax of its own. With ``causal`` a
    position sees no later one. No operand is stationary: the digital unit computes both products, 2 L^2 F multiply-adds
    a sample for L positions of F features (L (L + 1) F with ``causal``), beside scaling and softmax. It begins when the
    whole sample is there, and so does its gradient. Projections are ``linear`` layers before and after it.
    """

    kind: Literal["attention"] = "attention"
    heads: Positive = 1
    causal: bool = False
