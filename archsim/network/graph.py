"""The operator graph: what is computed, in which order, with which shapes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from archsim.network.specification import Layer, MatrixLayer

__all__ = ["INPUT", "MOST_VECTORS", "Graph", "Matrix", "Node", "Parameter", "Shape"]

Shape = tuple[int, ...]
INPUT = "input"

#: Vectors that may meet a matrix in a run: random numbers belong to the index of a vector, and those of refreshes begin
#: here.
MOST_VECTORS = 2**43


@dataclass(frozen=True, slots=True)
class Matrix:
    """A stationary matrix.

    Attributes
    ----------
    name : str
        The name of its layer; ``LAYER.0``, ``LAYER.1``, ... where a layer holds several.
    inputs, outputs : int
        Its size.
    vectors : int
        Vectors that meet it for each sample: one for a linear layer, one for each output position of a convolution.
    settings : MatrixLayer
        How it begins and is trained, and on which devices.
    """

    name: str
    inputs: int
    outputs: int
    vectors: int
    settings: MatrixLayer

    @property
    def size(self) -> tuple[int, int]:
        """(inputs, outputs)."""
        return self.inputs, self.outputs

    @property
    def digital(self) -> bool:
        """Whether the digital unit of its stage holds it; else it lies on tiles."""
        return self.settings.placement == "digital"

    @property
    def weights(self) -> int:
        """Number of its elements."""
        return self.inputs * self.outputs

    def first_vector(self, sample: int, time_step: int | None = None) -> int:
        """Return the index in the run of the first vector of a block of samples.

        The vectors of a sample follow each other. In a time step one of each sample meets the matrix: there those of
        all samples follow each other, and steps begin so far apart that no index is used twice.
        """
        if time_step is None:
            return sample * self.vectors
        return time_step * (MOST_VECTORS // self.vectors) + sample


@dataclass(frozen=True, slots=True)
class Parameter:
    """Numbers that the digital unit holds for an operator: trained by gradient descent, or state of its own.

    Attributes
    ----------
    name : str
        Its name within the layer; files of weights call it ``LAYER.NAME``.
    shape : tuple of int
        Its shape.
    initial : float
        What it starts from.
    initial_std : float
        Standard deviation of the normal distribution around ``initial`` that the numbers start from.
    trained : bool
        Whether a U takes a step of gradient descent. If not, it keeps its numbers, unless it is state that the operator
        changes itself.
    state : bool
        Whether the operator says what becomes of it with each micro-batch: a running statistic, for instance.
    learning_rate_factor : float
        Multiplies the learning rate.
    """

    name: str
    shape: Shape
    initial: float = 0.0
    initial_std: float = 0.0
    trained: bool = True
    state: bool = False
    learning_rate_factor: float = 1.0

    @property
    def size(self) -> int:
        """Number of its elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Node:
    """One operator.

    Attributes
    ----------
    name, kind : str
        Its own name and the registered name of its operator.
    inputs : tuple of str
        Names of the nodes it reads; ``"input"`` is the network's input.
    input_shapes : tuple of tuple of int
        Shape of each input for one sample.
    shape : tuple of int
        Shape of its output for one sample.
    layer : Layer
        What the user said about it.
    matrices : tuple of Matrix
        Its stationary matrices; empty if a digital unit does it alone.
    parameters : tuple of Parameter
        What a digital unit holds for it, beside the scales and biases of matrices.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    input_shapes: tuple[Shape, ...]
    shape: Shape
    layer: Layer
    matrices: tuple[Matrix, ...] = ()
    parameters: tuple[Parameter, ...] = ()

    @property
    def trainable(self) -> bool:
        """Whether it holds a matrix or digital parameters that are trained."""
        trained = any(matrix.settings.trainable for matrix in self.matrices)
        return trained or any(parameter.trained for parameter in self.parameters)

    @property
    def updated(self) -> bool:
        """Whether a U changes what it holds."""
        return self.trainable or any(parameter.state for parameter in self.parameters)


@dataclass(frozen=True)
class Graph:
    """A network's operators in topological order (as listed by its author) and its loss.

    Attributes
    ----------
    name : str
        What results call it.
    input_shape : tuple of int
        Shape of one sample.
    nodes : tuple of Node
        Its operators.
    loss : str
        What training makes small.
    vocabulary : int or None
        How many tokens there are if its inputs are their numbers, from 0; None if they are values.
    """

    name: str
    input_shape: Shape
    nodes: tuple[Node, ...]
    loss: str
    vocabulary: int | None = None

    def __getitem__(self, name: str) -> Node:
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {node.name: node for node in self.nodes}

    @cached_property
    def matrices(self) -> tuple[Matrix, ...]:
        """All stationary matrices, in the network's order."""
        return tuple(matrix for node in self.nodes for matrix in node.matrices)

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """What digital units hold for operators, by ``LAYER.NAME``, in the network's order."""
        return {f"{node.name}.{parameter.name}": parameter for node in self.nodes for parameter in node.parameters}

    def holder(self, matrix: str) -> Node:
        """Return the node that holds a matrix."""
        return self._holders[matrix]

    @cached_property
    def _holders(self) -> dict[str, Node]:
        return {matrix.name: node for node in self.nodes for matrix in node.matrices}

    def takers(self, name: str) -> tuple[str, ...]:
        """Return the nodes that read a node's output, each once."""
        return tuple(self._takers.get(name, ()))

    @cached_property
    def _takers(self) -> dict[str, dict[str, None]]:
        found: dict[str, dict[str, None]] = {}
        for node in self.nodes:
            for name in node.inputs:
                found.setdefault(name, {})[node.name] = None
        return found

    def shape_of(self, name: str) -> Shape:
        """Return the shape of a node's output, or of the network's input."""
        return self.input_shape if name == INPUT else self[name].shape

    @cached_property
    def needs_gradient(self) -> frozenset[str]:
        """Names of nodes whose *output* needs a gradient: something trainable lies at or before them."""
        found: set[str] = set()
        for node in self.nodes:
            if node.trainable or any(name in found for name in node.inputs):
                found.add(node.name)
        return frozenset(found)
