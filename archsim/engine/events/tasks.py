"""The tasks of a stage's steps: what is asked of units; those of digital units and ports.

A step does one action at a time, so each task is made once and used for every micro-batch; it keeps
its tally, and the chunk at which it is.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from archsim.chip.components import Unit
from archsim.chip.timing import buffer_ps, nmpu_ps
from archsim.engine.chunks import Chunks
from archsim.engine.setup import Setup
from archsim.engine.steps import DigitalStep, MatrixStep, UnitWork
from archsim.engine.work import Work
from archsim.network.operators import OperatorCost
from archsim.schedule.actions import Action

__all__ = [
    "DigitalTask",
    "NmpuTask",
    "PortBytes",
    "PortTask",
    "ProductTask",
    "RecallTask",
    "StepState",
    "Task",
    "UnitTask",
]


class StepState(Protocol):
    """What a task needs to know of its step: its stage, the action that it is doing, and how its block is cut."""

    index: int
    action: Action
    chunks: Chunks
    last: int

    def task_done(self, chunk: int) -> None:
        """Learn that a task has done a chunk."""


class Task(Protocol):
    """A piece of a step."""

    def request(self, cause: int) -> None:
        """Ask for the next chunk to be done; `cause` says what its unit was waiting for."""


class UnitTask:
    """A task that occupies one unit, chunk after chunk.

    Attributes
    ----------
    layer : int
        Number of its layer in the timeline.
    phase : str
        What it belongs to.
    micro_batch : int
        The micro-batch that it was asked for last.
    """

    __slots__ = ("_ended", "_started", "_step", "_unit", "layer", "micro_batch", "phase")

    def __init__(self, step: StepState, unit: Unit, layer: int, phase: str) -> None:
        self._step = step
        self._unit = unit
        #: The chunks that start and end next; one may start before its unit has told the end of the other.
        self._started = self._ended = 0
        self.layer = layer
        self.phase = phase
        self.micro_batch = -1

    @property
    def stage(self) -> int:
        """The stage that asks for it."""
        return self._step.index

    @property
    def unit(self) -> Unit:
        """The unit that it occupies."""
        return self._unit

    def request(self, cause: int) -> None:
        """Ask for the unit."""
        self.micro_batch = self._step.action.micro_batch
        self._unit.request(self, cause)

    def _do_without_unit(self) -> None:
        """Be done at once: what has nothing to do waits in no queue."""
        self._unit.timekeeper.after(self.start(), self.finish)

    def start(self) -> int:
        """Do the work and return how long it takes; see `archsim.chip.components.Job`."""
        raise NotImplementedError

    def finish(self) -> None:
        """Tell the step."""
        step = self._step
        step.task_done(self._end_chunk() if step.last else 0)

    def _start_chunk(self) -> int:
        """Return the chunk that starts now."""
        chunk = self._started
        self._started = 0 if chunk == self._step.last else chunk + 1
        return chunk

    def _end_chunk(self) -> int:
        """Return the chunk that ends now."""
        chunk = self._ended
        self._ended = 0 if chunk == self._step.last else chunk + 1
        return chunk


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


class PortBytes(NamedTuple):
    """What a step moves at a buffer's port.

    Attributes
    ----------
    micro_batch : int
        Bytes of a micro-batch, of which each chunk has its share.
    job : int
        Bytes that every chunk moves, for each micro-batch.
    closing : int
        Bytes of what ends a mini-batch.
    """

    micro_batch: int
    job: int = 0
    closing: int = 0


class PortTask(UnitTask):
    """Traffic at the port of a node's buffer, streaming beside the step that needs it.

    Attributes
    ----------
    name : str
        The layer or matrix that it is booked on.
    size_bytes : int
        Bytes moved.
    """

    __slots__ = ("_durations", "_setup", "_sizes", "name", "operation", "size_bytes")

    def __init__(
        self,
        run: StepState,
        unit: Unit,
        layer: int,
        booked: tuple[str, str],
        operation: str,
        sizes: PortBytes,
        setup: Setup,
    ) -> None:
        self.name, phase = booked
        super().__init__(run, unit, layer, phase)
        self.operation = operation
        self.size_bytes = 0
        self._sizes = sizes
        self._setup = setup
        self._durations: dict[int, int] = {}

    def start(self) -> int:
        """Move the bytes of the micro-batches at hand."""
        run = self._step
        action = run.action
        of_micro_batch, of_job, closing = self._sizes
        size = of_micro_batch * action.count
        if run.last:
            size = run.chunks.share(size, self._start_chunk())
        size += of_job * action.count
        if closing:
            size += closing * self._setup.schedule.shape.mini_batches_ended(action)
        return self._moved(size)

    def _moved(self, size: int) -> int:
        """Count bytes, and return how long they take."""
        self.size_bytes += size
        duration = self._durations.get(size)
        if duration is None:
            duration = self._durations[size] = buffer_ps(self._setup.chip, size)
        return duration


class RecallTask(PortTask):
    """Stored numbers that each position reads again, beside the step that needs them.

    Parameters
    ----------
    run, unit, layer, booked, setup
        As of `PortTask`.
    recalled : tuple of int
        The bytes of a micro-batch that each position reads.
    """

    __slots__ = ("_asked", "_recalled")

    def __init__(
        self,
        run: StepState,
        unit: Unit,
        layer: int,
        booked: tuple[str, str],
        recalled: tuple[int, ...],
        setup: Setup,
    ) -> None:
        super().__init__(run, unit, layer, booked, "read_byte", PortBytes(sum(recalled)), setup)
        self._recalled = recalled
        #: The position that is asked for next.
        self._asked = 0

    def request(self, cause: int) -> None:
        """Ask for the port, if there is something to read."""
        chunk = self._asked
        self._asked = 0 if chunk == self._step.last else chunk + 1
        if self._recalled[chunk]:
            super().request(cause)
        else:
            self.micro_batch = self._step.action.micro_batch
            self._do_without_unit()

    def start(self) -> int:
        """Move the bytes of the position at hand."""
        return self._moved(self._recalled[self._start_chunk() if self._step.last else 0])
