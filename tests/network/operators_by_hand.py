"""Operators of a small network, called as the engine calls them, and their gradients by differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.network.build import build_graph
from archsim.network.graph import Node
from archsim.network.operators import DigitalOperator, MatrixOperator, load_operator
from archsim.network.specification import NetworkSpecification

Block = npt.NDArray[np.float64]
STEP = 1e-6


def node_of(layer: dict[str, Any], *shapes: tuple[int, ...]) -> Node:
    """Return the node of a layer whose inputs have the given shapes for one sample."""
    sizes = [math.prod(shape) for shape in shapes]
    layers: list[dict[str, Any]] = []
    for index, (shape, size) in enumerate(zip(shapes, sizes, strict=True)):
        part = {"kind": "linear", "features": size, "inputs": ["input"]}
        layers += [{"name": f"matrix{index}"} | part, {"name": f"x{index}", "kind": "reshape", "shape": shape}]
    named = {"name": "op", "inputs": [f"x{index}" for index in range(len(shapes))]} | layer
    layers += [named, {"name": "flat", "kind": "flatten"}]
    return build_graph(NetworkSpecification.model_validate({"input_shape": [3], "layers": layers}))["op"]


def operator_of(node: Node, arithmetic: Arithmetic = FLOAT32) -> DigitalOperator:
    """Return the digital operator of a node."""
    operator = load_operator(node.kind, arithmetic=arithmetic)
    assert isinstance(operator, DigitalOperator)
    return operator


def check_gradients(node: Node, inputs: tuple[Block, ...], atol: float = 1e-7) -> None:
    """Compare the gradient at every number of every input with a central difference."""
    operator = operator_of(node)
    output = operator.forward(node, inputs)
    d = np.random.default_rng(11).normal(size=output.shape)
    gradients = operator.gradient(node, inputs, output, d)
    assert len(gradients) == len(inputs)
    for index, gradient in enumerate(gradients):

        def projected(x: Block, index: int = index) -> float:
            changed = (*inputs[:index], x, *inputs[index + 1 :])
            return float((operator.forward(node, changed) * d).sum())

        np.testing.assert_allclose(gradient, numeric_gradient(projected, inputs[index]), atol=atol)


def numeric_gradient(function: Callable[[Block], float], x: Block) -> Block:
    """Return central differences of a scalar function."""
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += STEP
        down[index] -= STEP
        gradient[index] = (function(up) - function(down)) / (2 * STEP)
    return gradient


def convolved(node: Node, x: Block, weights: list[Block]) -> Block:
    """A convolution as the engine does it: unfold, multiply, fold."""
    operator = load_operator(node.kind)
    assert isinstance(operator, MatrixOperator)
    products = []
    for matrix, weight in zip(node.matrices, weights, strict=True):
        vectors = operator.unfold(node, matrix, (x,))
        assert vectors.shape == (len(x) * matrix.vectors, matrix.inputs)
        products.append(vectors @ weight.T)
    return operator.fold(node, tuple(products))
