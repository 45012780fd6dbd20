"""Writing a matrix within an action, onto tiles that held another one: its parts, and the weights that the host sends.

How long that takes and what it counts, `archsim.engine.line_writes` says, as for initial weights.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.chip.components import Unit
from archsim.chip.operations import vector_bytes
from archsim.chip.specification import Chip
from archsim.chip.timing import host_ps
from archsim.engine.events.tasks import StepState, UnitTask
from archsim.engine.line_writes import LineWrite, part_counts, part_ps
from archsim.engine.steps import Phase
from archsim.mapping.plan import Part

__all__ = ["RewriteTask", "WeightDelivery", "WriteTask"]


class RewriteTask(UnitTask):
    """A share of what writing a matrix asks of a unit, the same every time.

    Attributes
    ----------
    name : str
        The matrix.
    times : int
        How often it was begun.
    """

    __slots__ = ("_duration_ps", "name", "times")

    def __init__(self, run: StepState, unit: Unit, layer: int, name: str, duration_ps: int, phase: Phase = "P") -> None:
        super().__init__(run, unit, layer, phase)
        self.name = name
        self.times = 0
        self._duration_ps = duration_ps

    def start(self) -> int:
        """Return how long it takes."""
        self.times += 1
        return self._duration_ps

    def counts(self) -> Iterator[tuple[str, str, int]]:
        """Yield component, operation and count of all that was begun."""
        for (component, operation), count in self.each().items():
            if count and self.times:
                yield component, operation, count * self.times

    def each(self) -> dict[tuple[str, str], int]:
        """Return what it counts each time, by component and operation."""
        raise NotImplementedError


class WriteTask(RewriteTask):
    """One part, written on its tile line by line.

    Attributes
    ----------
    part : Part
        What is written.
    line_write : LineWrite
        How its lines are.
    """

    __slots__ = ("line_write", "part")

    def __init__(
        self, run: StepState, unit: Unit, layer: int, name: str, part: Part, line_write: LineWrite, chip: Chip
    ) -> None:
        super().__init__(run, unit, layer, name, part_ps(chip, part, line_write))
        self.part = part
        self.line_write = line_write

    def each(self) -> dict[tuple[str, str], int]:
        """Return the pulses and the verifying reads of a part."""
        return part_counts(self.part, self.line_write)


class WeightDelivery(RewriteTask):
    """The weights of a matrix, which the host delivers beside their writing.

    Attributes
    ----------
    size_bytes : int
        Their size.
    """

    __slots__ = ("size_bytes",)

    def __init__(self, run: StepState, unit: Unit, layer: int, name: str, parts: tuple[Part, ...], chip: Chip) -> None:
        self.size_bytes = sum(vector_bytes(chip, part.rows * part.columns) for part in parts)
        super().__init__(run, unit, layer, name, host_ps(chip, self.size_bytes))

    def each(self) -> dict[tuple[str, str], int]:
        """Return the bytes at the host's port."""
        return {("host", "byte"): self.size_bytes}
