"""Layers over sequences (length, features) that a digital unit computes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.network.specification.layers import Layer, ParametricLayer

__all__ = ["AttentionLayer", "EmbeddingLayer", "PositionEmbeddingLayer"]

Positive = Annotated[int, Field(ge=1)]
Spread = Annotated[float, Field(ge=0)]


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


class EmbeddingLayer(ParametricLayer):
    """The trained vector of each token: a sequence (length, features) from the numbers of tokens.

    It reads the network's input, whose shape is one number, the length: each number is that of a token, from 0 to
    before ``vocabulary``. Tokens choose rows of a table in the digital unit; they are no values, and pass no
    arithmetic. Rows start from a normal distribution. A look-up takes no operation; the gradient adds the vectors of
    all positions to the rows of their tokens, and a U changes these rows alone. For a table on crossbars give one-hot
    vectors (``data.windows.encoding: one-hot``) to a ``linear`` layer instead.
    """

    kind: Literal["embedding"] = "embedding"
    vocabulary: Positive
    features: Positive
    initial_std: Spread = 1.0


class PositionEmbeddingLayer(ParametricLayer):
    """y = x + p, with a trained vector p for each position of a sequence (length, features), held by the digital unit.

    They start from a normal distribution. An addition for each number, and one at the gradient.
    """

    kind: Literal["position-embedding"] = "position-embedding"
    initial_std: Spread = 0.02
