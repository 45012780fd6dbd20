"""What every operator must tell: its shape, its rules and what it costs a digital unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from archsim import plugins
from archsim.digital.arithmetic import FLOAT32, Arithmetic
from archsim.digital.arrays import Array
from archsim.network.graph import Matrix, Node, Shape
from archsim.network.operators.cost import OperatorCost
from archsim.network.specification import Layer, MatrixLayer

__all__ = ["DigitalOperator", "MatrixOperator", "Operator", "StationaryOperator", "load_operator"]


class Operator(ABC):
    """A kind of operator: what a user may say about it, and its shape.

    Parameters
    ----------
    arithmetic : Arithmetic
        What computes: every new number that it makes comes from there.
    """

    #: What a layer of this kind says: `Layer`, or a model derived from it with settings of its own.
    Settings: ClassVar[type[Layer]] = Layer
    #: How many inputs it takes, and whether more are welcome.
    arity: ClassVar[int] = 1
    takes_more: ClassVar[bool] = False
    #: Whether what it gives for one sample depends on the others of a block: then it waits for all of them.
    needs_block: ClassVar[bool] = False
    #: Whether it begins only when a whole sample is there, and gives nothing before it is done with it: then it is a
    #: job of its own, and chunks of positions do not flow through it.
    needs_sample: ClassVar[bool] = False

    def __init__(self, arithmetic: Arithmetic = FLOAT32) -> None:
        self.arithmetic = arithmetic

    def waits_for_block(self, node: Node, *, training: bool) -> bool:
        """Return whether a node needs all samples of a micro-batch at once, which makes it a barrier for chunks."""
        return self.needs_block

    def waits_for_sample(self, node: Node) -> bool:
        """Return whether a node begins only when a whole sample is there; see `needs_sample`."""
        return self.needs_sample

    def takes_positions(self, node: Node) -> bool:
        """Return whether positions of a sequence, the first index of a sample's shape, may pass one after the other.

        Each position of the output then needs none of the inputs that comes later. Asked where the network is not
        trained, of a node whose inputs and output are sequences of one length.
        """
        return False

    def least_samples(self, node: Node) -> int:
        """Return how many samples a micro-batch must have for the node to be trained by it."""
        return 1

    def vocabulary(self, layer: Layer) -> int | None:
        """Return how many tokens there are if a layer takes their numbers, from 0; None if it takes values."""
        return None

    @abstractmethod
    def shape(self, layer: Layer, inputs: tuple[Shape, ...]) -> Shape:
        """Return the shape of the output of a layer from those of its inputs, all for one sample.

        Raises
        ------
        InputError
            If the layer does not fit; ``field`` is the name of its key, without the path of the layer.
        """


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

    def position_cost(self, node: Node, position: int) -> OperatorCost | None:
        """Return what the forward rule costs for a position of a sample; None where all cost the same.

        Asked where positions pass one after the other (`takes_positions`); those of a sample add up to `cost`.
        """
        return None

    def recalled_elements(self, node: Node, position: int) -> int:
        """Return how many stored numbers a position reads again, where positions pass one after the other."""
        return 0


class StationaryOperator(Operator):
    """An operator with stationary matrices on crossbars.

    What lies between its own rules (reads, digital scales and biases, updates) is the same for all.
    """

    Settings: ClassVar[type[Layer]] = MatrixLayer

    @abstractmethod
    def matrices(self, layer: Layer, inputs: tuple[Shape, ...]) -> tuple[Matrix, ...]:
        """Return the matrices of a layer whose inputs have the given shapes; called after `shape`."""


class MatrixOperator(StationaryOperator):
    """One whose vectors are known before its matrices are read.

    It owns the vectors that meet them: how inputs unfold into the vectors of each matrix, how their outputs fold into
    its own, and both again for gradients.
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


def load_operator(kind: str, path: str | None = None, arithmetic: Arithmetic = FLOAT32) -> Operator:
    """Return the operator registered as `kind`; `path` is that of its layer in the document, for error messages."""
    made = plugins.load("archsim.operators", kind, field=None if path is None else f"{path}.kind")(arithmetic)
    # An abstract class is what a type checker does not take for a type; here it is one.
    return plugins.checked(made, Operator, "archsim.operators", kind)  # type: ignore[type-abstract]
