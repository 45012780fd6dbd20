"""Copying a matrix within an action from one set of crossbars to the other, and tasks that take such sets in turn.

How long that takes and what it counts, `archsim.engine.line_copies` says.
"""

from __future__ import annotations

from collections.abc import Sequence

from archsim.chip.components import Unit
from archsim.chip.operations import vector_bytes
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps
from archsim.engine.events.part_tasks import Grid
from archsim.engine.events.rewriting import RewriteTask
from archsim.engine.events.tasks import StepState, Task
from archsim.engine.events.transport import Channel, Message, Transport
from archsim.engine.line_copies import LineCopy
from archsim.engine.steps import CopyStep
from archsim.engine.work import Work
from archsim.mapping.plan import Part
from archsim.schedule.actions import Action, Schedule

__all__ = [
    "AlternatingGrid",
    "AlternatingTask",
    "CopyMessages",
    "CopyOperations",
    "CopyTraffic",
    "LineCopies",
    "LineReads",
]


class AlternatingTask:
    """A task that each set of crossbars has of its own: the mini-batch of an action says which one is asked for."""

    __slots__ = ("_schedule", "_step", "_tasks")

    def __init__(self, step: StepState, tasks: Sequence[Task], schedule: Schedule) -> None:
        self._step = step
        self._tasks = tuple(tasks)
        self._schedule = schedule

    def request(self, cause: int) -> None:
        """Ask for that of the set in use."""
        self._tasks[self._schedule.weight_set(self._step.action.micro_batch)].request(cause)


class AlternatingGrid:
    """The parts of a matrix on each set of crossbars, which may be computed side by side."""

    __slots__ = ("_grids", "_schedule")

    def __init__(self, grids: Sequence[Grid], schedule: Schedule) -> None:
        self._grids = tuple(grids)
        self._schedule = schedule

    def prepare(self, stage: int, action: Action) -> None:
        """Announce those of the set in use whose tiles are free."""
        self._grids[self._schedule.weight_set(action.micro_batch)].prepare(stage, action)


class LineReads(RewriteTask):
    """The lines of a part, read on the tile that they are copied from."""

    __slots__ = ("line_copy", "part")

    def __init__(
        self, run: StepState, unit: Unit, layer: int, name: str, part: Part, line_copy: LineCopy, chip: Chip
    ) -> None:
        super().__init__(run, unit, layer, name, line_copy.read_ps(chip, part), "C")
        self.part = part
        self.line_copy = line_copy

    def each(self) -> dict[tuple[str, str], int]:
        """Return the reads of a part."""
        return self.line_copy.read_counts(self.part)


class LineCopies(RewriteTask):
    """The lines of a part, written on the tile that they are copied to; its numbers change when that is granted."""

    __slots__ = ("_index", "_work", "line_copy", "part", "step")

    def __init__(
        self,
        run: StepState,
        unit: Unit,
        layer: int,
        step: CopyStep,
        index: int,
        line_copy: LineCopy,
        chip: Chip,
        work: Work,
    ) -> None:
        self.part = step.placement.parts[index]
        super().__init__(run, unit, layer, step.matrix, line_copy.part_ps(chip, self.part), "C")
        self.step = step
        self.line_copy = line_copy
        self._index = index
        self._work = work

    def start(self) -> int:
        """Copy the conductances of this moment."""
        self._work.copy(self._step.index, self.step, self._index, self._step.action)
        return super().start()

    def each(self) -> dict[tuple[str, str], int]:
        """Return the pulses and the verifying reads of a part."""
        return self.line_copy.write_counts(self.part)


class CopyOperations(RewriteTask):
    """An operation of the digital unit for each cell that is copied."""

    __slots__ = ("operations",)

    def __init__(self, run: StepState, unit: Unit, layer: int, name: str, operations: int, chip: Chip) -> None:
        super().__init__(run, unit, layer, name, nmpu_ps(chip, operations), "C")
        self.operations = operations

    def each(self) -> dict[tuple[str, str], int]:
        """Return the operations."""
        return {("nmpu", "multiply_add"): self.operations}


class CopyTraffic(RewriteTask):
    """The cells that are copied, written to the buffer and read there."""

    __slots__ = ("size_bytes",)

    def __init__(self, run: StepState, unit: Unit, layer: int, name: str, cells: int, chip: Chip) -> None:
        self.size_bytes = vector_bytes(chip, cells)
        super().__init__(run, unit, layer, name, buffer_ps(chip, 2 * self.size_bytes), "C")

    def each(self) -> dict[tuple[str, str], int]:
        """Return the bytes at the port of the buffer."""
        return {("buffer", "write_byte"): self.size_bytes, ("buffer", "read_byte"): self.size_bytes}


class CopyMessages:
    """What was read on a tile of another node goes to the digital unit, and from there to the node of the other one."""

    __slots__ = ("_channels", "_left", "_step", "_transport")

    def __init__(self, step: StepState, transport: Transport, channels: Sequence[Channel]) -> None:
        self._step = step
        self._transport = transport
        self._channels = tuple(channels)
        self._left = 0

    def request(self, cause: int) -> None:
        """Send all."""
        self._left = len(self._channels)
        for channel in self._channels:
            self._transport.send(channel, self._step.action.micro_batch, self)

    def arrived(self, message: Message) -> None:
        """Tell the step of the last one."""
        self._left -= 1
        if not self._left:
            self._step.task_done(0)
