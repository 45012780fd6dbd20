"""Which samples make up a micro-batch: in the order of their epoch, a ragged last mini-batch dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from archsim.data import DataSet
from archsim.data.augmentation import Augmenter
from archsim.schedule.actions import PipelineShape

__all__ = ["Feed", "Samples"]


class Samples(Protocol):
    """Samples in the order in which a run sees them, ``samples`` in each of ``per_epoch`` micro-batches of a pass."""

    samples: int
    per_epoch: int

    def first_sample(self, micro_batch: int) -> int:
        """Return the index in the run of a micro-batch's first sample."""

    def inputs(self, micro_batch: int) -> NDArray[np.float32]:
        """Return the inputs of a micro-batch, shape (V, \\*shape)."""

    def targets(self, micro_batch: int) -> NDArray[Any]:
        """Return the targets of a micro-batch."""


class Feed:
    """The training samples in the order in which the run sees them.

    Parameters
    ----------
    data : DataSet
        The data.
    shape : PipelineShape
        How many micro-batches a mini-batch has.
    mini_batch : int
        Samples of a mini-batch.
    order : callable
        ``order(epoch)``: the samples in the order of an epoch.
    augmenter : Augmenter, optional
        What the host does with images.
    """

    def __init__(
        self,
        data: DataSet,
        shape: PipelineShape,
        mini_batch: int,
        order: Callable[[int], NDArray[np.int64]],
        augmenter: Augmenter | None = None,
    ) -> None:
        self._data = data
        self._augmenter = augmenter
        self._order = order
        self.per_epoch = len(data.train_inputs) // mini_batch * shape.micro_batches
        self.samples = mini_batch // shape.micro_batches
        self._orders: dict[int, NDArray[np.int64]] = {}
        self._words: dict[int, NDArray[np.uint64]] = {}

    def first_sample(self, micro_batch: int) -> int:
        """Return the index in the run of a micro-batch's first sample."""
        return micro_batch * self.samples

    def inputs(self, micro_batch: int) -> NDArray[np.float32]:
        """Return the inputs of a micro-batch, shape (V, \\*shape)."""
        samples = self._samples(micro_batch)
        inputs = self._data.train_inputs.take(samples, axis=0)
        if self._augmenter is None:
            return inputs
        return self._augmenter.apply(inputs, self._words[micro_batch // self.per_epoch].take(samples))

    def targets(self, micro_batch: int) -> NDArray[Any]:
        """Return the targets of a micro-batch."""
        return self._data.train_targets.take(self._samples(micro_batch), axis=0)

    def _samples(self, micro_batch: int) -> NDArray[np.int64]:
        epoch, position = divmod(micro_batch, self.per_epoch)
        if epoch not in self._orders:
            self._orders[epoch] = self._order(epoch)
            # A pipeline holds samples of two neighbouring epochs at most.
            self._orders.pop(epoch - 2, None)
            if self._augmenter is not None:
                self._words[epoch] = self._augmenter.words(epoch, len(self._data.train_inputs))
                self._words.pop(epoch - 2, None)
        start = position * self.samples
        return self._orders[epoch][start : start + self.samples]
