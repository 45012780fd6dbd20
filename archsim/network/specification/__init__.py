"""What a user says about a network: layers of one of several kinds, their edges, and the loss."""

from archsim.network.specification.digital import (
    ConcatLayer,
    DropoutLayer,
    GELULayer,
    LeakyReLULayer,
    SliceLayer,
    TransposeLayer,
)
from archsim.network.specification.kinds import (
    AnyLayer,
    AveragePoolLayer,
    Conv1dLayer,
    Conv2dLayer,
    GRULayer,
    LinearLayer,
    LSTMLayer,
    MaxPoolLayer,
    PlainLayer,
    RecurrentLayer,
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
from archsim.network.specification.normalisation import (
    BatchNormLayer,
    GroupNormLayer,
    LayerNormLayer,
    LocalResponseNormLayer,
    RMSNormLayer,
)
from archsim.network.specification.sequences import AttentionLayer, EmbeddingLayer, PositionEmbeddingLayer

__all__ = [
    "AnyLayer",
    "AttentionLayer",
    "AveragePoolLayer",
    "BatchNormLayer",
    "ConcatLayer",
    "Conv1dLayer",
    "Conv2dLayer",
    "DropoutLayer",
    "EmbeddingLayer",
    "GELULayer",
    "GRULayer",
    "GroupNormLayer",
    "InputRangeParameters",
    "LSTMLayer",
    "Layer",
    "LayerNormLayer",
    "LeakyReLULayer",
    "LinearLayer",
    "LocalResponseNormLayer",
    "MatrixLayer",
    "MaxPoolLayer",
    "NetworkSpecification",
    "ParametricLayer",
    "PlainLayer",
    "PositionEmbeddingLayer",
    "RMSNormLayer",
    "RecurrentLayer",
    "ReshapeLayer",
    "SliceLayer",
    "TransposeLayer",
    "WeightScaling",
]
