"""What the executor asks for when a unit is granted: do the numbers, and say how much work that was.

Two answer: `archsim.engine.numbers.Numbers` computes, `Expected` only knows documented averages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archsim.chip.specification import Chip
from archsim.chip.timing import expected_reads, expected_slots
from archsim.engine.program import DigitalStep, Edge, MatrixStep
from archsim.schedule.actions import Action

__all__ = ["Evaluation", "Expected", "UpdateWork", "Work"]


@dataclass(slots=True)
class UpdateWork:
    """What an update of one part took.

    Attributes
    ----------
    vectors : int
        Outer products.
    slots : int
        Pulse slots sent: the sum of the train lengths BL.
    pulses : int
        Device pulses: coincidences over all cells.
    """

    vectors: int = 0
    slots: int = 0
    pulses: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well the network does after a mini-batch (its number counts from 1)."""

    mini_batch: int
    train_loss: float
    accuracy: float | None


class Work(Protocol):
    """The numbers behind the events, or what stands for them."""

    def begin(self, stage: int, action: Action) -> None:
        """Learn that a stage starts an action."""

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Learn that several parts are granted at this moment, so that they may be computed side by side."""

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Read a part (transposed in phase B) and return the number of vector reads, repeats included."""

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> UpdateWork:
        """Update a part by the micro-batches of a U."""

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Do a step of the near-memory unit."""

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Hand a value over to the stage that needs it."""

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Hand a gradient back to the stage that made the value."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Learn that a stage ended an action; return the evaluations that this completes."""


class Expected:
    """Work without numbers: the documented averages of a chip (``io.expected_reads``, ``update.expected_bl``).

    Parameters
    ----------
    chip : Chip
        The chip.
    vectors : int
        Vectors in a micro-batch.
    """

    def __init__(self, chip: Chip, vectors: int) -> None:
        self._forward_reads = expected_reads(chip, vectors)
        self._vectors = vectors
        self._slots = expected_slots(chip, vectors)

    def begin(self, stage: int, action: Action) -> None:
        """Nothing to prepare."""

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Nothing to compute."""

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Return the expected number of reads; bound management repeats forward ones only."""
        return self._forward_reads if step.phase == "F" else self._vectors

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> UpdateWork:
        """Return the expected slots; pulses depend on the data and are not counted."""
        return UpdateWork(self._vectors * action.count, self._slots * action.count, 0)

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Nothing to compute."""

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Nothing is evaluated."""
        return []
