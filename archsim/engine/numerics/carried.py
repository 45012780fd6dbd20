"""What recurrent layers hand on from a sample of a stream to the next one."""

from __future__ import annotations

import numpy as np

from archsim.digital.arrays import Array
from archsim.engine.numerics.stored import Stored
from archsim.errors import InputError

__all__ = ["CarriedStates"]


class CarriedStates:
    """The states in which the last samples of all streams ended, as values.

    A sample's stream is its place in the mini-batch, so a micro-batch goes on where the one at the same place of the
    mini-batch before it ended. In an asynchronous pipeline that is the state as it was computed then, by the weights
    of that time.

    Parameters
    ----------
    micro_batches : int
        Micro-batches of a mini-batch.
    per_epoch : int
        Micro-batches in which all streams pass once; they then begin again, with zeros.
    """

    __slots__ = ("_ends", "_micro_batches", "_per_epoch")

    def __init__(self, micro_batches: int, per_epoch: int) -> None:
        self._micro_batches = micro_batches
        self._per_epoch = per_epoch
        #: By layer and place in the mini-batch, the first sample of the micro-batch that ended last, and its states.
        self._ends: dict[tuple[str, int], tuple[int, Array]] = {}

    def before(self, layer: str, stored: Stored) -> Array | None:
        """Return the states with which the samples of a micro-batch begin in a layer; None for zeros.

        Raises
        ------
        InputError
            If the micro-batch before them in their streams has not passed the layer, or a later one has.
        """
        micro_batch = stored.first_sample // stored.samples
        if micro_batch % self._per_epoch < self._micro_batches:
            return None
        before = micro_batch - self._micro_batches
        ended, states = self._ends.get((layer, micro_batch % self._micro_batches), (-1, None))
        if states is None or ended != before:
            raise InputError(
                f"layer '{layer}' is to go on with micro-batch {micro_batch} from the state in which micro-batch "
                f"{before} ended, but F of that one was not the last one before it in these streams",
                field="schedule.kind",
                remedy="let a stage do F of micro-batches in their order, or remove 'stateful' from the layer",
            )
        return states

    def keep(self, layer: str, stored: Stored, states: Array) -> None:
        """Note the states in which the samples of a micro-batch ended."""
        micro_batch = stored.first_sample // stored.samples
        self._ends[layer, micro_batch % self._micro_batches] = micro_batch, np.ascontiguousarray(states)
