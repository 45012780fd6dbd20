"""What the executor asks for when a unit is granted: do the numbers, and say how much work that was.

Two answer: `archsim.engine.numbers.Numbers` computes, `Expected` only knows documented averages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from archsim.analog.observed import ExpectedUpdate, Update
from archsim.chip.specification import Chip
from archsim.chip.timing import expected_reads
from archsim.engine.program import DigitalStep, Edge, MatrixStep
from archsim.schedule.actions import Action

__all__ = ["Evaluation", "Expected", "UpdateWork", "Work"]


@dataclass(slots=True)
class UpdateWork:
    """What an update of one part took.

    Attributes
    ----------
    vectors : int
        Outer products sent to the array.
    slots : int
        Pulse slots sent: the sum of the train lengths BL.
    pulses : int
        Device pulses: coincidences over all cells.
    transfer_reads, input_writes, output_writes, transfer_slots, digital_operations, memory_bits : int
        What the algorithm adds; see `archsim.analog.observed.Update`.
    """

    vectors: int = 0
    slots: int = 0
    pulses: int = 0
    transfer_reads: int = 0
    input_writes: int = 0
    output_writes: int = 0
    transfer_slots: int = 0
    digital_operations: int = 0
    memory_bits: int = 0

    def add(self, other: UpdateWork) -> None:
        """Add what another update took."""
        self.vectors += other.vectors
        self.note(other)

    def note(self, done: UpdateWork | Update) -> None:
        """Add what the arrays of a part say of an update; they do not count vectors."""
        self.slots += done.slots
        self.pulses += done.pulses
        self.transfer_reads += done.transfer_reads
        self.input_writes += done.input_writes
        self.output_writes += done.output_writes
        self.transfer_slots += done.transfer_slots
        self.digital_operations += done.digital_operations
        self.memory_bits += done.memory_bits


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
    """Work without numbers: the documented averages of a chip (``io.expected_reads``) and of training algorithms.

    Trains are counted for each micro-batch, rounded up. What happens once in several vectors is counted when it
    happens, over all vectors of the run.

    Parameters
    ----------
    chip : Chip
        The chip.
    vectors : int
        Vectors in a micro-batch.
    updates : mapping of str to tuple of ExpectedUpdate
        For each layer, what its parts take for each vector.
    """

    def __init__(self, chip: Chip, vectors: int, updates: Mapping[str, tuple[ExpectedUpdate, ...]]) -> None:
        self._forward_reads = expected_reads(chip, vectors)
        self._vectors = vectors
        self._updates = updates
        self._slots = {
            layer: tuple(math.ceil(vectors * expected.slots) for expected in parts) for layer, parts in updates.items()
        }
        self._without_transfers = frozenset(
            (layer, part)
            for layer, parts in updates.items()
            for part, expected in enumerate(parts)
            if not (expected.transfer_reads or expected.transfer_slots or expected.digital_operations)
        )

    def begin(self, stage: int, action: Action) -> None:
        """Nothing to prepare."""

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Nothing to compute."""

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Return the expected number of reads; bound management repeats forward ones only."""
        return self._forward_reads if step.phase == "F" else self._vectors

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> UpdateWork:
        """Return the expected slots; pulses depend on the data and are not counted."""
        layer = step.layer
        slots = self._slots[layer][part] * action.count
        work = UpdateWork(self._vectors * action.count if step.pulsed else 0, slots)
        if (layer, part) in self._without_transfers:
            return work
        expected = self._updates[layer][part]
        last = (action.micro_batch + 1) * self._vectors
        first = last - self._vectors * action.count

        def within(for_each: Fraction) -> int:
            return math.floor(last * for_each) - math.floor(first * for_each)

        work.transfer_reads = within(expected.transfer_reads)
        work.input_writes = within(expected.input_writes)
        work.output_writes = within(expected.output_writes)
        work.transfer_slots = within(expected.transfer_slots)
        work.digital_operations = within(expected.digital_operations)
        work.memory_bits = within(expected.memory_bits)
        return work

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Nothing to compute."""

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Nothing to hand over."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Nothing is evaluated."""
        return []
