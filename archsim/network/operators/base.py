"""What every operator must tell: its shape, its rules and what it costs a digital unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from archsim import plugins
from archsim.digital.arrays import Array
from archsim.errors import InputError
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.specification import Layer

__all__ = ["DigitalOperator", "MatrixOperator", "Operator", "OperatorCost", "load_operator"]

_COMMON_FIELDS = frozenset({"name", "kind", "inputs"})


@dataclass(frozen=True, slots=True)
class OperatorCost:
    """Element operations of a near-memory unit for one sample."""

    multiply_adds: int = 0
    activations: int = 0

    def __add__(self, other: OperatorCost) -> OperatorCost:
        return OperatorCost(self.multiply_adds + other.multiply_adds, self.activations + other.activations)


class Operator(ABC):
    """A kind of operator: shape inference and the user's fields that it understands."""

    #: Fields of `Layer` that this kind uses, beside name, kind and inputs.
    fields: ClassVar[frozenset[str]] = frozenset()
    #: How many inputs it takes.
    arity: ClassVar[int] = 1

    @abstractmethod
    def build(self, layer: Layer, inputs: tuple[str, ...], shapes: tuple[Shape, ...]) -> Node:
        """Return the node for a layer whose inputs have the given shapes (of one sample).

        Raises
        ------
        InputError
            If the layer does not fit; ``field`` is the name of its key, without the path of the layer.
        """

    def refuse_unused_fields(self, layer: Layer, path: str) -> None:
        """Refuse fields that this kind would silently ignore."""
        for name in type(layer).model_fields:
            if name in _COMMON_FIELDS or name in self.fields or getattr(layer, name) is None:
                continue
            known = ", ".join(sorted(self.fields)) or "none beside name, kind and inputs"
            raise InputError(
                f"a layer of kind '{layer.kind}' has no such field",
                field=f"{path}.{name}",
                value=getattr(layer, name),
                allowed=known,
                remedy="remove the field",
            )


class DigitalOperator(Operator):
    """An operator without a stationary operand: a near-memory digital unit computes it."""

    @abstractmethod
    def forward(self, node: Node, inputs: tuple[Array, ...]) -> Array:
        """Return the output for a block: arrays of shape (V, \\*shape)."""

    @abstractmethod
    def gradient(self, node: Node, inputs: tuple[Array, ...], output: Array, d: Array) -> tuple[Array, ...]:
        """Return the gradient at each input from the gradient `d` at the output."""

    @abstractmethod
    def cost(self, node: Node) -> OperatorCost:
        """Return what the forward rule costs for one sample."""

    @abstractmethod
    def gradient_cost(self, node: Node) -> OperatorCost:
        """Return what the gradient rule costs for one sample."""


class MatrixOperator(Operator):
    """An operator with stationary matrices on crossbars.

    It owns the vectors that meet them: how inputs unfold into the vectors of each matrix, how their outputs fold into
    its own, and both again for gradients. What lies between (reads, digital scales and biases, updates) is the same
    for all.
    """

    @abstractmethod
    def unfold(self, node: Node, matrix: Matrix, inputs: tuple[Array, ...]) -> Array:
        """Return the vectors that meet a matrix.

        Parameters
        ----------
        node, matrix
            The node, and one of its matrices.
        inputs : tuple of ndarray, shape (samples, \\*shape)
            A block of each input of the node.

        Returns
        -------
        ndarray, shape (samples * vectors, inputs)
            The vectors of one sample follow each other.
        """

    @abstractmethod
    def fold(self, node: Node, outputs: tuple[Array, ...]) -> Array:
        """Return the node's output (samples, \\*shape) from that of each matrix, (samples * vectors, outputs)."""

    @abstractmethod
    def unfold_gradient(self, node: Node, matrix: Matrix, d: Array) -> Array:
        """Return the gradient at a matrix's outputs, (samples * vectors, outputs), from that at the node's output."""

    @abstractmethod
    def fold_gradient(self, node: Node, gradients: tuple[Array, ...]) -> tuple[Array, ...]:
        """Return the gradient at each input of the node from that at the vectors of each matrix."""


def load_operator(kind: str, path: str | None = None) -> Operator:
    """Return the operator registered as `kind`; `path` is that of its layer in the document, for error messages."""
    made = plugins.load("archsim.operators", kind, field=None if path is None else f"{path}.kind")()
    # An abstract class is what a type checker does not take for a type; here it is one.
    return plugins.checked(made, Operator, "archsim.operators", kind)  # type: ignore[type-abstract]
