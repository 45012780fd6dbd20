"""How late gradients come: counted as it happens, for learning rates that depend on it."""

from __future__ import annotations

from archsim.schedule.actions import Action

__all__ = ["Lateness"]


class Lateness:
    """By how many updates of its stage each gradient is late: those between its forward and the update that takes it.

    Parameters
    ----------
    stages : int
        Number of stages.
    """

    __slots__ = ("_last", "_late", "_met", "_updates")

    def __init__(self, stages: int) -> None:
        #: By stage: updates begun, and how late the last micro-batch of the last one was.
        self._updates = [0] * stages
        self._last = [0] * stages
        #: By stage and micro-batch: the updates that its forward met, and how late it is where it is being applied.
        self._met: list[dict[int, int]] = [{} for _ in range(stages)]
        self._late: list[dict[int, int]] = [{} for _ in range(stages)]

    def forward(self, stage: int, micro_batch: int) -> None:
        """Note which weights the forward of a micro-batch meets."""
        self._met[stage][micro_batch] = self._updates[stage]

    def update(self, stage: int, action: Action) -> None:
        """Note how late the micro-batches are that an update applies."""
        for micro_batch in action.micro_batches:
            late = self._updates[stage] - self._met[stage].pop(micro_batch, self._updates[stage])
            self._late[stage][micro_batch] = self._last[stage] = late
        self._updates[stage] += 1

    def of(self, stage: int, micro_batch: int) -> int:
        """Return how late a micro-batch is that is being applied, or whose transfers follow."""
        return self._late[stage].get(micro_batch, self._last[stage])

    def release(self, stage: int, action: Action) -> None:
        """Forget micro-batches that have been applied."""
        for micro_batch in action.micro_batches:
            self._late[stage].pop(micro_batch, None)
