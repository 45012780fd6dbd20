"""The digital side of an algorithm's updates and transfers: jobs of the near-memory unit and of the buffer's port."""

from __future__ import annotations

from archsim.chip.components import Unit
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps
from archsim.engine.events.part_tasks import PartTask
from archsim.engine.events.tasks import StepState, UnitTask
from archsim.engine.steps import TransferStep

__all__ = ["TransferMemoryTask", "TransferOperationsTask"]


class TransferOperationsTask(UnitTask):
    """The operations on what was read: one job for all parts of a layer.

    Attributes
    ----------
    name : str
        The layer.
    operations : int
        Element operations done.
    """

    __slots__ = ("_chip", "_parts", "name", "operations")

    def __init__(
        self, run: StepState, unit: Unit, layer: int, step: TransferStep, parts: tuple[PartTask, ...], chip: Chip
    ) -> None:
        super().__init__(run, unit, layer, step.phase)
        self.name = step.matrix
        self.operations = 0
        self._parts = parts
        self._chip = chip

    def request(self, cause: int) -> None:
        """Ask for the unit, if there are operations for it."""
        if self._due():
            super().request(cause)
        else:
            self._do_without_unit()

    def start(self) -> int:
        """Do what the updates or transfers of the parts have counted and nobody has done yet."""
        operations = self._due()
        self.operations += operations
        return nmpu_ps(self._chip, operations)

    def _due(self) -> int:
        return sum(part.counts.digital_operations for part in self._parts) - self.operations


class TransferMemoryTask(UnitTask):
    """Digital state that is read and written again, half and half, beside the operations on it.

    Attributes
    ----------
    name : str
        The layer.
    bytes_read, bytes_written : int
        Bytes moved.
    """

    __slots__ = ("_bits", "_chip", "_parts", "bytes_read", "bytes_written", "name")

    def __init__(
        self, run: StepState, unit: Unit, layer: int, step: TransferStep, parts: tuple[PartTask, ...], chip: Chip
    ) -> None:
        super().__init__(run, unit, layer, step.phase)
        self.name = step.matrix
        self.bytes_read = self.bytes_written = 0
        self._bits = 0
        self._parts = parts
        self._chip = chip

    def request(self, cause: int) -> None:
        """Ask for the port, if there is state to move."""
        if self._due_bits():
            super().request(cause)
        else:
            self._do_without_unit()

    def start(self) -> int:
        """Move what the updates or transfers of the parts have counted and nobody has moved yet."""
        bits = self._due_bits()
        self._bits += bits
        size = -(-bits // 8)
        self.bytes_read += size // 2
        self.bytes_written += size - size // 2
        return buffer_ps(self._chip, size)

    def _due_bits(self) -> int:
        return sum(part.counts.memory_bits for part in self._parts) - self._bits
