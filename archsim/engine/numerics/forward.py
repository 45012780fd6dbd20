"""The numbers of a forward-only run: the test set passes the network, and its answers are judged as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.data import DataSet
from archsim.engine.numerics.coupling import Numbers
from archsim.engine.numerics.scoring import Judged
from archsim.engine.work import Evaluation
from archsim.schedule.actions import Action

__all__ = ["ForwardNumbers", "TestSamples"]


class TestSamples:
    """The test samples in an order, again and again.

    Parameters
    ----------
    data : DataSet
        The data.
    order : ndarray of int
        The samples of a pass.
    samples : int
        Samples of a micro-batch.
    per_epoch : int
        Micro-batches in which the test set passes once; a rest that fills none is left out.
    """

    def __init__(self, data: DataSet, order: NDArray[np.int64], samples: int, per_epoch: int) -> None:
        self._data = data
        self._order = order
        self.per_epoch = per_epoch
        self.samples = samples

    def first_sample(self, micro_batch: int) -> int:
        """Return the index in the run of a micro-batch's first sample."""
        return micro_batch * self.samples

    def inputs(self, micro_batch: int) -> NDArray[np.float32]:
        """Return the inputs of a micro-batch."""
        return self._data.test_inputs[self._samples(micro_batch)]

    def targets(self, micro_batch: int) -> NDArray[Any]:
        """Return the targets of a micro-batch."""
        return self._data.test_targets[self._samples(micro_batch)]

    def _samples(self, micro_batch: int) -> NDArray[np.int64]:
        start = micro_batch % self.per_epoch * self.samples
        return self._order[start : start + self.samples]


class ForwardNumbers(Numbers):
    """Computes forwards, on weights that stay as they are; see `Numbers`."""

    __slots__ = ("_judged",)

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._judged = Judged()

    def layer_ended(self, layer: str, action: Action) -> None:
        """Nothing to keep: weights do not change."""

    def finish(self, stage: int, action: Action) -> list[Evaluation]:
        """Drop what a stage stored; at the last one, compare the answers with the targets."""
        stored = self._stored[stage].pop(action.micro_batch)
        if stage != len(self.programs) - 1:
            return []
        scoring = self._evaluator.scoring
        outputs, targets = stored.values[self.graph.nodes[-1].name], self.feed.targets(action.micro_batch)
        self._judged += scoring.judge(outputs, targets)
        mini_batch, last = divmod(action.micro_batch + 1, self.shape.micro_batches)
        if last or (mini_batch % self.settings.evaluate_every and mini_batch != self.shape.mini_batches):
            return []
        return [Evaluation(mini_batch, None, scoring.score(self._judged))]
