"""When the transfers of a stage's matrices fall due, where they are actions of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from archsim.analog.observed import ExpectedUpdate
from archsim.errors import InputError
from archsim.mapping.plan import Plan
from archsim.network.graph import Graph, Matrix
from archsim.specification import Specification

__all__ = ["SeparateTransfers"]


@dataclass(frozen=True, slots=True)
class SeparateTransfers:
    """Transfers between arrays that are to be done apart from updates.

    Attributes
    ----------
    graph, plan
        What is computed, and where.
    updates : mapping of str to tuple of ExpectedUpdate
        What the updates of each part of a matrix take, and after how many vectors transfers.
    algorithm : Specification
        Settings of the training algorithm of layers that name none.
    samples : int
        Samples of a micro-batch.
    """

    graph: Graph
    plan: Plan
    updates: Mapping[str, Sequence[ExpectedUpdate]]
    algorithm: Specification
    samples: int

    def intervals(self, together: int) -> tuple[frozenset[int], ...]:
        """Return for each stage after how many micro-batches transfers of some of its matrices fall due.

        Parameters
        ----------
        together : int
            Micro-batches that an update applies at once.

        Raises
        ------
        InputError
            If there are no transfers, or some fall due before an update has ended.
        """
        matrices = {matrix.name: matrix for matrix in self.graph.matrices}
        found = tuple(
            frozenset(every for held in stage.placements for every in self._of_matrix(matrices[held.matrix], together))
            for stage in self.plan.stages
        )
        if not any(found):
            raise InputError(
                "these training algorithms have no transfers that could be actions of their own",
                field="schedule.transfers",
                value="separate",
                remedy="leave it out, or train with an algorithm that transfers, such as 'ttv2'",
            )
        return found

    def _of_matrix(self, matrix: Matrix, together: int) -> Iterator[int]:
        if not matrix.settings.trainable:
            return
        vectors = self.samples * matrix.vectors
        for every in sorted({part.every for update in self.updates[matrix.name] for part in update.transfers}):
            if every % (vectors * together):
                raise self._too_early(matrix, every, vectors * together, together > 1)
            yield every // vectors

    def _too_early(self, matrix: Matrix, every: int, needed: int, several: bool) -> InputError:
        layer = self.graph.holder(matrix.name).name
        named = "training.algorithm" if matrix.settings.algorithm is None else f"the algorithm of layer '{layer}'"
        in_mini_batches = getattr(matrix.settings.algorithm or self.algorithm, "units_in_mbatch", None)
        enough = f"{needed * -(-every // needed)} vectors, or another multiple of {needed}"
        remedy = f"set transfer_every of {named} to "
        if in_mini_batches is None:
            remedy += enough
        elif in_mini_batches:
            remedy += "whole mini-batches"
        else:
            remedy += f"whole mini-batches with units_in_mbatch: true, or to {enough}"
        if several:
            remedy += "; or set schedule.update to 'immediate' for updates of single micro-batches"
        return InputError(
            f"transfers of '{matrix.name}' fall due after every {every} vectors, so some come within an update of "
            f"{needed} vectors, and only after it can they be actions of their own",
            field="schedule.transfers",
            value="separate",
            remedy=remedy,
        )
