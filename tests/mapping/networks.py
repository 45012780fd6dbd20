"""Networks for the mapping's tests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from archsim.network.graph import INPUT, Graph, Matrix, Node
from archsim.network.specification import LinearLayer, PlainLayer

__all__ = ["perceptron"]


def perceptron(sizes: Sequence[int], *, activation: bool = True, frozen: Sequence[int] = ()) -> Graph:
    """A multilayer perceptron: matrices ``fc1``, ``fc2``, ... with a ``tanh`` after each but the last."""
    nodes: list[Node] = []
    before = INPUT
    for index, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        name = f"fc{index}"
        layer = LinearLayer(name=name, features=outputs, trainable=index not in frozen)
        matrix = Matrix(name, inputs, outputs, 1, layer)
        nodes.append(Node(name, "linear", (before,), ((inputs,),), (outputs,), layer, (matrix,)))
        before = name
        if activation and index < len(sizes) - 1:
            name = f"tanh{index}"
            nodes.append(Node(name, "tanh", (before,), ((outputs,),), (outputs,), PlainLayer(name=name, kind="tanh")))
            before = name
    return Graph("perceptron", (sizes[0],), tuple(nodes), "softmax-cross-entropy")
