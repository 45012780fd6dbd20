"""How late gradients come: counted as it happens, for learning rates, bounds and momentum that depend on it."""

from __future__ import annotations

from archsim.delays import ON_TIME, Late
from archsim.schedule.actions import Action, PipelineShape
from archsim.training import DelayCompensation

__all__ = ["Lateness"]


class Lateness:
    """By how many updates of its stage each gradient is late: those between its forward and the update that takes it.

    Where steps are taken at the end of a mini-batch, as with momentum, the steps between both are counted, too, and
    averaged over the micro-batches of the mini-batch.

    Parameters
    ----------
    shape : PipelineShape
        Stages and micro-batches.
    weight_sets : int
        Sets of crossbars, each with a version of the weights, which mini-batches take in turn.
    """

    __slots__ = (
        "_held",
        "_held_steps",
        "_last",
        "_late",
        "_met",
        "_met_steps",
        "_shape",
        "_steps",
        "_steps_late",
        "_sums",
        "_updates",
    )

    def __init__(self, shape: PipelineShape, weight_sets: int = 1) -> None:
        self._shape = shape
        stages = range(shape.stages)
        #: By stage: the updates, and the steps, behind the version that each set holds.
        self._held = [[0] * weight_sets for _ in stages]
        self._held_steps = [[0] * weight_sets for _ in stages]
        #: By stage: updates begun, and how late the last micro-batch of the last one was.
        self._updates = [0 for _ in stages]
        self._last = [0 for _ in stages]
        #: By stage and micro-batch: the updates that its forward met, and how late it is where it is being applied.
        self._met: list[dict[int, int]] = [{} for _ in stages]
        self._late: list[dict[int, int]] = [{} for _ in stages]
        #: By stage: steps begun, and the steps by which the gradients of the mini-batch so far are late in all.
        self._steps = [0 for _ in stages]
        self._sums = [0 for _ in stages]
        #: By stage and micro-batch: the steps that its forward met, and those by which its mini-batch is late in all.
        self._met_steps: list[dict[int, int]] = [{} for _ in stages]
        self._steps_late: list[dict[int, int]] = [{} for _ in stages]

    def forward(self, stage: int, micro_batch: int) -> None:
        """Note which weights the forward of a micro-batch meets."""
        own = self._set_of(stage, micro_batch)
        self._met[stage][micro_batch] = self._held[stage][own]
        self._met_steps[stage][micro_batch] = self._held_steps[stage][own]

    def update(self, stage: int, action: Action) -> None:
        """Note how late the micro-batches are that an update applies."""
        for micro_batch in action.micro_batches:
            late = self._updates[stage] - self._met[stage].pop(micro_batch, self._updates[stage])
            self._late[stage][micro_batch] = self._last[stage] = late
            self._sums[stage] += self._steps[stage] - self._met_steps[stage].pop(micro_batch, self._steps[stage])
            if self._shape.ends_mini_batch(micro_batch):
                self._steps_late[stage][micro_batch] = self._sums[stage]
                self._sums[stage] = 0
                self._steps[stage] += 1
        self._updates[stage] += 1
        own = self._set_of(stage, action.micro_batch)
        self._held[stage][own] = self._updates[stage]
        self._held_steps[stage][own] = self._steps[stage]

    def of(self, stage: int, micro_batch: int) -> int:
        """Return how late a micro-batch is that is being applied, or whose transfers follow."""
        return self._late[stage].get(micro_batch, self._last[stage])

    def steps_of(self, stage: int, micro_batch: int) -> float:
        """Return by how many steps the gradients of a mini-batch are late in the mean, whose last micro-batch it is."""
        return self._steps_late[stage].get(micro_batch, 0) / self._shape.micro_batches

    def late(self, stage: int, micro_batch: int, compensation: DelayCompensation | None) -> Late:
        """Return what becomes of a gradient because it comes late, beside its learning rate."""
        if compensation is None:
            return ON_TIME
        return compensation.late(self.of(stage, micro_batch), self.steps_of(stage, micro_batch))

    def newest_set(self, stage: int) -> int:
        """Return the set of crossbars with the newest version of a stage's weights."""
        held = self._held[stage]
        return held.index(max(held))

    def release(self, stage: int, action: Action) -> None:
        """Forget micro-batches that have been applied."""
        for micro_batch in action.micro_batches:
            self._late[stage].pop(micro_batch, None)
            self._steps_late[stage].pop(micro_batch, None)

    def _set_of(self, stage: int, micro_batch: int) -> int:
        return micro_batch // self._shape.micro_batches % len(self._held[stage])
