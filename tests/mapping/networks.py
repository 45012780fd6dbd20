"""Networks for the mapping's tests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archsim.network.graph import INPUT, Graph, Matrix, Node
from archsim.network.specification import Layer

__all__ = ["perceptron"]


def perceptron(sizes: Sequence[int], *, activation: bool = True, frozen: Sequence[int] = ()) -> Graph:
    """A multilayer perceptron: matrices ``fc1``, ``fc2``, ... with a ``tanh`` after each but the last."""
    nodes: list[Node] = []
    before = INPUT
    for index, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        name = f"fc{index}"
        layer = Layer(name=name, kind="linear", features=outputs, trainable=False if index in frozen else None)
        nodes.append(Node(name, "linear", (before,), (outputs,), layer, (Matrix(name, inputs, outputs),)))
        before = name
        if activation and index < len(sizes) - 1:
            name = f"tanh{index}"
            nodes.append(Node(name, "tanh", (before,), (outputs,), Layer(name=name, kind="tanh")))
            before = name
    return Graph("perceptron", (sizes[0],), tuple(nodes), "softmax-cross-entropy")
