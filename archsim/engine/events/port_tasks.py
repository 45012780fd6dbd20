"""The tasks of buffers' ports: traffic that streams beside the steps that need it."""

from __future__ import annotations

from typing import NamedTuple

from archsim.chip.components import Unit
from archsim.chip.timing import buffer_ps
from archsim.engine.events.tasks import StepState, UnitTask
from archsim.engine.setup import Setup

__all__ = ["PortBytes", "PortTask", "RecallTask"]


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
