"""Initial weights and biases, and the digital scales that go with them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.network.specification import MatrixLayer, WeightScaling
from archsim.network.stationary import StationaryMatrix

__all__ = ["initialise", "mapping_scale"]


def initialise(matrix: StationaryMatrix, layer: MatrixLayer, random: np.random.Generator) -> None:
    """Draw weights and biases from U(-r, r), r = 1/sqrt(inputs) unless given, and write them."""
    reach = layer.initial_range or 1 / np.sqrt(matrix.inputs)
    weights = random.uniform(-reach, reach, (matrix.outputs, matrix.inputs)).astype(np.float32)
    bias = random.uniform(-reach, reach, matrix.outputs).astype(np.float32)
    if layer.initial_value is not None:
        weights = np.full_like(weights, layer.initial_value)
        bias = np.zeros_like(bias)
    if matrix.affine.bias is not None:
        matrix.affine.begin(matrix.affine.scale, bias)
    scaling = layer.scaling
    if scaling is not None and scaling.weight_scaling_omega > 0:
        scale = mapping_scale(weights, scaling)
        weights = weights / scale[:, None]
        matrix.map_weights(scale)
    matrix.program(weights)


def mapping_scale(weights: NDArray[np.float32], scaling: WeightScaling) -> NDArray[np.float32]:
    """Return the digital scale of each output, max|w| / omega of the matrix or of its own row."""
    largest = np.abs(weights).max(axis=1) if scaling.columnwise else np.full(len(weights), np.abs(weights).max())
    largest[largest == 0] = scaling.weight_scaling_omega
    return (largest / scaling.weight_scaling_omega).astype(np.float32)
