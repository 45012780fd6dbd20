"""What a user says about a network: layers of one of several kinds, their edges, and the loss."""

from archsim.network.specification.digital import (
    ConcatLayer,
    GELULayer,
    LeakyReLULayer,
    SliceLayer,
    TransposeLayer,
)
from archsim.network.specification.kinds import (
    AnyLayer,
    Conv1dLayer,
    Conv2dLayer,
    LinearLayer,
    MaxPoolLayer,
    PlainLayer,
    ReshapeLayer,
)
from archsim.network.specification.layers import (
    InputRangeParameters,
    Layer,
    MatrixLayer,
    ParametricLayer,
    WeightScaling,
)
from archsim.network.specification.network import NetworkSpecification
from archsim.network.specification.normalisation import BatchNormLayer
from archsim.network.specification.sequences import AttentionLayer, EmbeddingLayer, PositionEmbeddingLayer

__all__ = [
    "AnyLayer",
    "AttentionLayer",
    "BatchNormLayer",
    "ConcatLayer",
    "Conv1dLayer",
    "Conv2dLayer",
    "EmbeddingLayer",
    "GELULayer",
    "InputRangeParameters",
    "Layer",
    "LeakyReLULayer",
    "LinearLayer",
    "MatrixLayer",
    "MaxPoolLayer",
    "NetworkSpecification",
    "ParametricLayer",
    "PlainLayer",
    "PositionEmbeddingLayer",
    "ReshapeLayer",
    "SliceLayer",
    "TransposeLayer",
    "WeightScaling",
]
