"""What a user says about a network: layers of one of several kinds, their edges, and the loss."""

from archsim.network.specification.kinds import (
    AnyLayer,
    Conv2dLayer,
    LinearLayer,
    MaxPoolLayer,
    PlainLayer,
    ReshapeLayer,
)
from archsim.network.specification.layers import InputRangeParameters, Layer, MatrixLayer, WeightScaling
from archsim.network.specification.network import NetworkSpecification

__all__ = [
    "AnyLayer",
    "Conv2dLayer",
    "InputRangeParameters",
    "Layer",
    "LinearLayer",
    "MatrixLayer",
    "MaxPoolLayer",
    "NetworkSpecification",
    "PlainLayer",
    "ReshapeLayer",
    "WeightScaling",
]
