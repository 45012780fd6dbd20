"""What an action is made of: reads and updates of matrices, jobs of the digital unit, transfers between arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archsim.mapping.plan import Placement
from archsim.network.operators import OperatorCost

__all__ = ["CopyStep", "DigitalStep", "MatrixStep", "Phase", "Step", "TransferStep", "UnitWork", "WriteStep"]

Phase = Literal["P", "F", "B", "U", "T", "C"]


@dataclass(frozen=True, slots=True)
class UnitWork:
    """What the digital unit does in a step of a matrix that it holds.

    Attributes
    ----------
    cost : OperatorCost
        Element operations per sample, and per micro-batch.
    read, written : int
        Numbers that each of its jobs reads of the buffer, and writes there, for a micro-batch: weights, or gradients.
    closing : int
        Multiply-adds of what ends a mini-batch, once for each.
    closing_read, closing_written : int
        Numbers that it then reads and writes.
    """

    cost: OperatorCost
    read: int
    written: int = 0
    closing: int = 0
    closing_read: int = 0
    closing_written: int = 0


@dataclass(frozen=True, slots=True)
class MatrixStep:
    """A forward read, transposed read, update or transfer of a matrix: all its parts at once.

    Attributes
    ----------
    phase : {"F", "B", "U", "T"}
        What it belongs to.
    placement : Placement
        The matrix.
    elements : int
        Numbers of stored input (or error) that leave the buffer for it, per sample.
    pulsed : bool
        Of an update, whether every outer product is sent to the array.
    apart : bool
        Of an update, whether it leaves its transfers to a T.
    needs_block : bool
        Whether its operator needs all samples of a micro-batch at once.
    time_step : int or None
        Of a read for a recurrent layer, the time step, in which one vector of each sample meets the matrix.
    in_turn : bool
        Whether positions pass it one after the other.
    unit_work : UnitWork or None
        What the digital unit does, where it holds the matrix instead of tiles.
    """

    phase: Phase
    placement: Placement
    elements: int
    pulsed: bool = True
    apart: bool = False
    needs_block: bool = False
    time_step: int | None = None
    in_turn: bool = False
    unit_work: UnitWork | None = None

    @property
    def matrix(self) -> str:
        """Name of the matrix."""
        return self.placement.matrix

    @property
    def vectors(self) -> int:
        """Vectors that meet it for each sample."""
        return self.placement.vectors if self.time_step is None else 1


@dataclass(frozen=True, slots=True)
class DigitalStep:
    """Work of the near-memory unit between two matrix steps.

    Attributes
    ----------
    phase : {"F", "B", "U"}
        What it belongs to.
    layer : str
        The layer it is booked on.
    collect : str or None
        The layer whose matrices were read just before: add the parts of each (F: then scale and bias) and fold them.
    nodes : tuple of str
        Digital operators to run, in this order (B: their gradients).
    prepare : str or None
        B: the layer whose matrices are read next: unfold and scale their errors and note the gradients of scales and
        biases. U: the layer whose scales, biases and digital parameters are updated.
    loss : bool
        F: compute the loss and its gradient at the end.
    cost : OperatorCost
        Element operations per sample, and per micro-batch.
    elements : int
        Numbers written to the buffer per sample.
    vectors : int
        Vectors in which a sample passes it: those of the matrices that were read before it, or are read after it.
    needs_block : bool
        Whether an operator in it needs all samples of a micro-batch at once.
    closing : int
        U: multiply-adds of what ends a mini-batch, once for each.
    collected, prepared : int or None
        Of a recurrent layer, the time step whose reads are collected (F: then the next state is computed), and that
        whose errors are prepared.
    in_turn : bool
        Whether positions pass it one after the other.
    growing : tuple of int
        Of these, the operations for each position of a sample that are not the same for all of them.
    recalled : tuple of int
        Of these, the stored numbers of a sample that each position reads again.
    """

    phase: Phase
    layer: str
    collect: str | None
    nodes: tuple[str, ...]
    prepare: str | None
    loss: bool
    cost: OperatorCost
    elements: int
    vectors: int = 1
    needs_block: bool = False
    closing: int = 0
    collected: int | None = None
    prepared: int | None = None
    in_turn: bool = False
    growing: tuple[int, ...] = ()
    recalled: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class TransferStep:
    """What an algorithm asks of the near-memory unit and the buffer, after the update or the transfers of a matrix.

    How much that is, the update or the transfers say.
    """

    matrix: str
    phase: Phase = "U"


@dataclass(frozen=True, slots=True)
class WriteStep:
    """Writing a matrix onto tiles that held another layer before: all its parts at once, from the host."""

    placement: Placement
    phase: Phase = "P"

    @property
    def matrix(self) -> str:
        """Name of the matrix."""
        return self.placement.matrix


@dataclass(frozen=True, slots=True)
class CopyStep:
    """Copying a matrix from one of its sets of crossbars to the other, line by line: all its parts at once."""

    placement: Placement
    phase: Phase = "C"

    @property
    def matrix(self) -> str:
        """Name of the matrix."""
        return self.placement.matrix


Step = MatrixStep | DigitalStep | TransferStep | WriteStep | CopyStep
