"""What the executor asks for when a unit is granted: do the numbers, and say how much work that was.

Two answer: `archsim.engine.numerics.coupling.Numbers` computes, the expected averages
of `archsim.engine.numerics.expected` stand for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archsim.analog.observed import Counts
from archsim.engine.program import Edge
from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep, Step, TransferStep, WriteStep
from archsim.results.learning import Score
from archsim.schedule.actions import Action

__all__ = ["Evaluation", "Work", "do_step"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well the network does after a mini-batch (its number counts from 1); without training there is no loss.

    And what made the weights that were evaluated: updates of the first stage, device pulses of all layers.
    """

    mini_batch: int
    train_loss: float | None
    score: Score
    updates: int | None = None
    pulses: int | None = None


class Work(Protocol):
    """The numbers behind the events, or what stands for them."""

    @property
    def computes(self) -> bool:
        """Whether numbers are computed; where not, what nobody counts need not be asked for."""

    def begin(self, stage: int, action: Action) -> None:
        """Learn that a stage starts an action."""

    def prepare(self, stage: int, step: MatrixStep, parts: tuple[int, ...], action: Action) -> None:
        """Learn that several parts are granted at this moment, so that they may be computed side by side."""

    def read(self, stage: int, step: MatrixStep, part: int, micro_batch: int) -> int:
        """Read a part (transposed in phase B) and return the number of vector reads, repeats included."""

    def update(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Update a part by the micro-batches of a U, and return what that took: a record of its own, to be added to."""

    def transfer(self, stage: int, step: MatrixStep, part: int, action: Action) -> Counts:
        """Do the transfers of a part that are due, where updates leave them to a T; return what that took."""

    def copy(self, stage: int, step: CopyStep, part: int, action: Action) -> None:
        """Copy a part from the set of crossbars with its newest version onto that of an action's micro-batches."""

    def digital(self, stage: int, step: DigitalStep, action: Action) -> None:
        """Do a step of the near-memory unit."""

    def deliver(self, edge: Edge, micro_batch: int) -> None:
        """Hand a value over to the stage that needs it."""

    def deliver_gradient(self, edge: Edge, micro_batch: int) -> None:
        """Hand a gradient back to the stage that made the value."""

    def layer_ended(self, layer: str, action: Action) -> None:
        """Learn that a layer has done its part of an action; it may go on before its stage ends the action."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Learn that a stage ended an action; return the evaluations that this completes."""


def do_step(step: Step, stage: int, action: Action, work: Work) -> Counts | int | None:
    """Do the numbers of a whole step at once, its parts in order.

    Returns
    -------
    Counts, int or None
        Of an update of arrays or of transfers, what they took; of a read, the vector reads; summed over the parts.
    """
    if isinstance(step, (TransferStep, WriteStep)):
        return None
    if isinstance(step, DigitalStep):
        work.digital(stage, step, action)
        return None
    parts = range(len(step.placement.blocks))
    if isinstance(step, CopyStep):
        for part in parts:
            work.copy(stage, step, part, action)
        return None
    if step.phase in ("F", "B"):
        read, micro_batch = work.read, action.micro_batch
        return sum([read(stage, step, part, micro_batch) for part in parts])
    change, total = work.transfer if step.phase == "T" else work.update, Counts()
    for part in parts:
        total += change(stage, step, part, action)
    # Counts are those of devices.
    return total if step.unit_work is None else None
