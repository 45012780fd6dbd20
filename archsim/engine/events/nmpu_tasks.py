"""The tasks of near-memory units: steps between matrices, and products with matrices that a unit holds."""

from __future__ import annotations

from archsim.chip.components import Unit
from archsim.chip.timing import nmpu_ps
from archsim.engine.events.tasks import StepState, UnitTask
from archsim.engine.setup import Setup
from archsim.engine.steps import DigitalStep, MatrixStep, UnitWork
from archsim.engine.work import Work
from archsim.network.operators import OperatorCost
from archsim.schedule.actions import Action

__all__ = ["DigitalTask", "NmpuTask", "ProductTask"]


class NmpuTask(UnitTask):
    """Work of the near-memory unit; what takes no operations, such as a change of shape, does without it.

    Attributes
    ----------
    name : str
        The layer or matrix that it is booked on.
    cost : OperatorCost
        Element operations per sample, and per micro-batch.
    closing : int
        Multiply-adds of what ends a mini-batch, once for each.
    samples, closings : int
        Samples, and ends of mini-batches, that it was done for.
    """

    __slots__ = (
        "_durations",
        "_operations",
        "_setup",
        "_work",
        "closing",
        "closings",
        "cost",
        "name",
        "samples",
    )

    def __init__(
        self,
        run: StepState,
        unit: Unit,
        layer: int,
        booked: tuple[str, str],
        cost: tuple[OperatorCost, int],
        setup: Setup,
        work: Work,
    ) -> None:
        self.name, phase = booked
        super().__init__(run, unit, layer, phase)
        self.cost, self.closing = cost
        self.samples = self.closings = 0
        self._setup = setup
        self._work = work
        self._operations = self.cost.operations(1) + self.closing
        self._durations: dict[tuple[int, int, int], int] = {}

    def request(self, cause: int) -> None:
        """Ask for the unit, if there are operations for it."""
        self.micro_batch = self._step.action.micro_batch
        if self._operations:
            self._unit.request(self, cause)
        else:
            self._do_without_unit()

    def start(self) -> int:
        """Compute, and say how long it takes."""
        run = self._step
        action, chunk = run.action, self._start_chunk() if run.last else 0
        samples = self._setup.samples * action.count
        ends = self._setup.schedule.shape.mini_batches_ended(action) if self.closing else 0
        if not chunk:
            self._compute(action)
            self.samples += samples
            self.closings += ends
        key = samples, chunk, ends
        duration = self._durations.get(key)
        if duration is None:
            operations = self._of_chunk(samples, action.count, chunk) + ends * self.closing
            duration = self._durations[key] = nmpu_ps(self._setup.chip, operations)
        return duration

    def _of_chunk(self, samples: int, micro_batches: int, chunk: int) -> int:
        """Return the operations of a chunk."""
        return self._step.chunks.share(self.cost.operations(samples, micro_batches), chunk)

    def _compute(self, action: Action) -> None:
        """Do the numbers."""
        raise NotImplementedError


class DigitalTask(NmpuTask):
    """A step of the digital unit between matrices."""

    __slots__ = ("step",)

    def __init__(self, run: StepState, unit: Unit, layer: int, step: DigitalStep, setup: Setup, work: Work) -> None:
        super().__init__(run, unit, layer, (step.layer, step.phase), (step.cost, step.closing), setup, work)
        self.step = step

    def _of_chunk(self, samples: int, micro_batches: int, chunk: int) -> int:
        growing = self.step.growing
        even = self.cost.operations(samples, micro_batches) - samples * sum(growing)
        return self._step.chunks.share(even, chunk) + (samples * growing[chunk] if growing else 0)

    def _compute(self, action: Action) -> None:
        self._work.digital(self._step.index, self.step, action)


class ProductTask(NmpuTask):
    """A read or update of a matrix that the digital unit holds, on its weights as they are when the unit is granted."""

    __slots__ = ("step",)

    def __init__(
        self, run: StepState, unit: Unit, layer: int, step: MatrixStep, work_there: UnitWork, setup: Setup, work: Work
    ) -> None:
        booked, cost = (step.matrix, step.phase), (work_there.cost, work_there.closing)
        super().__init__(run, unit, layer, booked, cost, setup, work)
        self.step = step

    @property
    def macs(self) -> int:
        """Multiply-accumulates so far: one for each weight and vector."""
        weights = sum(block.rows * block.columns for block in self.step.placement.blocks)
        return self.samples * self.step.vectors * weights

    def _compute(self, action: Action) -> None:
        if self.phase == "U":
            self._work.update(self._step.index, self.step, 0, action)
        else:
            self._work.read(self._step.index, self.step, 0, action.micro_batch)
