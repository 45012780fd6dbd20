"""The operator graph: what is computed, in which order, with which shapes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from archsim.network.specification import Layer

__all__ = ["INPUT", "Graph", "Node", "Shape"]

Shape = tuple[int, ...]
INPUT = "input"


@dataclass(frozen=True)
class Node:
    """One operator.

    Attributes
    ----------
    name, kind : str
        Its own name and the registered name of its operator.
    inputs : tuple of str
        Names of the nodes it reads; ``"input"`` is the network's input.
    shape : tuple of int
        Shape of its output for one sample.
    layer : Layer
        What the user said about it.
    matrix : tuple of int, optional
        (inputs, outputs) of its stationary matrix; None if it holds none (then a digital unit does it).
    vectors : int
        How many vectors meet that matrix per sample (one for a linear layer).
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape
    layer: Layer
    matrix: tuple[int, int] | None = None
    vectors: int = 1


@dataclass(frozen=True)
class Graph:
    """A network's operators in topological order (as listed by its author) and its loss."""

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    loss: str

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def matrices(self) -> tuple[Node, ...]:
        """The nodes that hold a stationary matrix."""
        return tuple(node for node in self.nodes if node.matrix is not None)

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a node's output, or of the network's input."""
        return self.input_shape if name == INPUT else self[name].shape

    @cached_property
    def needs_gradient(self) -> frozenset[str]:
        """Names of nodes whose *output* needs a gradient: something trainable lies at or before them."""
        found: set[str] = set()
        for node in self.nodes:
            trainable = node.matrix is not None and node.layer.trainable is not False
            if trainable or any(name in found for name in node.inputs):
                found.add(node.name)
        return frozenset(found)
