"""Networks by name."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from archsim.network.specification import Layer, LinearLayer, NetworkSpecification, PlainLayer

__all__ = ["fcn_784_256_128_10", "mlp_64_64_32_10"]


def mlp_64_64_32_10() -> NetworkSpecification:
    """Return the multilayer perceptron of the main job: 8x8 digits, tanh between the layers."""
    return _perceptron("mlp-64-64-32-10", (64, 64, 32, 10), "tanh")


def fcn_784_256_128_10() -> NetworkSpecification:
    """Return the fully connected network that arXiv:2406.12774 trains on MNIST: sigmoid between the layers."""
    return _perceptron("fcn-784-256-128-10", (784, 256, 128, 10), "sigmoid")


def _perceptron(name: str, widths: tuple[int, ...], activation: Literal["tanh", "sigmoid"]) -> NetworkSpecification:
    """Return linear layers ``fc1``, ``fc2``, ... with activations ``act1``, ... between them."""
    layers: list[Layer] = []
    for i, (_, outputs) in enumerate(pairwise(widths), start=1):
        layers += [
            LinearLayer(name=f"fc{i}", features=outputs),
            PlainLayer(name=f"act{i}", kind=activation),
        ]
    return NetworkSpecification(name=name, input_shape=(widths[0],), layers=tuple(layers[:-1]))
