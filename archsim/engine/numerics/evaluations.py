"""Evaluations while stages go on: the weights that each stage held at the end of a mini-batch, and the losses."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.engine.numerics.evaluation import Evaluator
from archsim.engine.numerics.held import Holder
from archsim.engine.work import Evaluation
from archsim.network.parameters import ParameterValues
from archsim.network.stationary import MatrixSnapshot
from archsim.schedule.actions import PipelineShape

__all__ = ["Evaluations"]


class Evaluations:
    """Keeps the weights of stages as they end a mini-batch, and evaluates them when those of all are there.

    Parameters
    ----------
    evaluator : Evaluator
        Measures how well snapshots do.
    shape : PipelineShape
        Stages, mini-batches and micro-batches.
    every : int
        The test set is evaluated after so many mini-batches, again and again, and at the end.
    samples : int
        Samples of a micro-batch.
    """

    __slots__ = (
        "_early",
        "_evaluated",
        "_evaluator",
        "_every",
        "_latest",
        "_losses",
        "_made",
        "_missing",
        "_pulses",
        "_samples",
        "_shape",
        "_snapshots",
        "_spent",
        "_updates",
        "_waiting",
    )

    def __init__(self, evaluator: Evaluator[MatrixSnapshot], shape: PipelineShape, every: int, samples: int) -> None:
        self._evaluator = evaluator
        self._shape = shape
        self._every = every
        self._samples = samples
        self._losses: dict[int, float] = {}
        self._snapshots: dict[int, dict[str, MatrixSnapshot | ParameterValues]] = {}
        self._missing: dict[int, int] = {}
        #: Of each stage, the mini-batch whose transfers, actions of their own, are yet to come.
        self._waiting: dict[int, int] = {}
        self._evaluated = 0
        #: What layers held after a mini-batch that were done before the rest of their stage, and the mini-batch with
        #: which each of these matrices and parameters was updated last, if it is to be evaluated.
        self._early: dict[tuple[int, str], tuple[MatrixSnapshot | ParameterValues, int]] = {}
        self._latest: dict[str, int | None] = {}
        #: Updates of the first stage, and device pulses by matrix, so far; and those behind weights that are kept.
        self._updates = 0
        self._pulses: dict[str, int] = {}
        self._made: dict[int, int] = {}
        self._spent: dict[int, int] = {}

    def lost(self, micro_batch: int, loss: float) -> None:
        """Note the loss of a micro-batch, summed over its samples."""
        self._losses[micro_batch] = loss

    def pulsed(self, matrix: str, pulses: int) -> None:
        """Count device pulses of a matrix."""
        self._pulses[matrix] = self._pulses.get(matrix, 0) + pulses

    def updated(self, stage: int, micro_batch: int, *, waits: bool) -> list[int]:
        """Return the mini-batches, counted from 1, after which the weights of a stage are to be kept now.

        Parameters
        ----------
        stage : int
            The stage.
        micro_batch : int
            The last one that it applied.
        waits : bool
            Whether transfers are due that are actions of their own: the mini-batch then ends with them.
        """
        mini_batch = self._due(micro_batch)
        self._updates += stage == 0
        if mini_batch is None:
            return []
        if stage == 0:
            self._made[mini_batch] = self._updates
        ended = self.transferred(stage)
        if waits:
            self._waiting[stage] = mini_batch
            return ended
        return [*ended, mini_batch]

    def transferred(self, stage: int) -> list[int]:
        """Return the mini-batch that waited for the transfers of a stage, if there is one."""
        mini_batch = self._waiting.pop(stage, None)
        return [] if mini_batch is None else [mini_batch]

    def layer_updated(self, holders: Mapping[str, Holder], last: int | None) -> None:
        """Keep what a layer holds, where that is to be evaluated and its stage is not done yet.

        Parameters
        ----------
        holders : mapping of str to Holder
            Matrices and digital parameters of the layer. Where transfers of one are due that are actions of their own,
            its mini-batch ends with them.
        last : int or None
            The last micro-batch that an update applied; None for transfers behind it.
        """
        for name, holder in holders.items():
            mini_batch = self._latest.get(name) if last is None else self._due(last)
            self._latest[name] = mini_batch
            if mini_batch is not None and not holder.due:
                self._early[mini_batch, name] = holder.snapshot(), self._pulses.get(name, 0)

    def keep(self, mini_batch: int, holders: Mapping[str, Holder]) -> list[Evaluation]:
        """Keep what a stage holds after a mini-batch; evaluate it with what the last stage to do so holds."""
        snapshot = self._snapshots.setdefault(mini_batch, {})
        for name, holder in holders.items():
            early = self._early.pop((mini_batch, name), None)
            snapshot[name], pulses = (holder.snapshot(), self._pulses.get(name, 0)) if early is None else early
            self._spent[mini_batch] = self._spent.get(mini_batch, 0) + pulses
        left = self._missing.get(mini_batch, self._shape.stages) - 1
        self._missing[mini_batch] = left
        return [] if left else [self._evaluate(mini_batch)]

    def _due(self, micro_batch: int) -> int | None:
        """Return the mini-batch, counted from 1, that ends with a micro-batch and is to be evaluated."""
        mini_batch, rest = divmod(micro_batch + 1, self._shape.micro_batches)
        if rest or (mini_batch % self._every and mini_batch != self._shape.mini_batches):
            return None
        return mini_batch

    def _evaluate(self, mini_batch: int) -> Evaluation:
        del self._missing[mini_batch]
        score = self._evaluator.score(self._snapshots.pop(mini_batch), mini_batch)
        first, last = self._evaluated * self._shape.micro_batches, mini_batch * self._shape.micro_batches
        total = sum(self._losses.pop(k) for k in range(first, last))
        self._evaluated = mini_batch
        loss = total / ((last - first) * self._samples)
        return Evaluation(mini_batch, loss, score, self._made.pop(mini_batch, None), self._spent.pop(mini_batch, 0))
