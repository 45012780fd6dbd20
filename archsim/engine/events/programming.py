"""Has the initial weights written before training begins; how long that takes, `archsim.engine.line_writes` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archsim.chip.components import Unit
from archsim.chip.operations import vector_bytes
from archsim.chip.specification import Chip
from archsim.chip.timing import host_ps
from archsim.engine.events.activation_transfer import HostFeed
from archsim.engine.line_writes import LineWrite, part_counts, part_ps
from archsim.mapping.plan import Part

__all__ = ["ProgramTask", "Programmer"]


class ProgramTask:
    """One part written on its tile, or all weights delivered by the host.

    Attributes
    ----------
    name : str
        The layer; empty for the host.
    part : Part or None
        What is written.
    done : bool
        Whether it is.
    """

    __slots__ = (
        "_duration_ps",
        "_programmer",
        "_unit",
        "done",
        "layer",
        "micro_batch",
        "name",
        "part",
        "phase",
        "stage",
    )

    def __init__(
        self, programmer: Programmer, unit: Unit, layer: int, name: str, part: Part | None, duration_ps: int
    ) -> None:
        self._programmer = programmer
        self._unit = unit
        self._duration_ps = duration_ps
        self.layer = layer
        self.stage = -1
        self.phase = "P"
        self.micro_batch = -1
        self.name = name
        self.part = part
        self.done = False

    @property
    def unit(self) -> Unit:
        """The unit that it occupies."""
        return self._unit

    def request(self, cause: int) -> None:
        """Ask for the unit."""
        self._unit.request(self, cause)

    def start(self) -> int:
        """Return how long it takes."""
        return self._duration_ps

    def finish(self) -> None:
        """Tell that it is written."""
        self.done = True
        self._programmer.task_done()


class Programmer:
    """Has all weights written, then lets the host bring samples.

    Parameters
    ----------
    writes : mapping of str to LineWrite
        How the lines of each layer are written.
    chip : Chip
        The chip.
    feeds : list of HostFeed
        Who waits for it.

    Attributes
    ----------
    tasks : list of ProgramTask
        What is to be done.
    """

    __slots__ = ("_chip", "_feeds", "_left", "_writes", "tasks")

    def __init__(self, writes: Mapping[str, LineWrite], chip: Chip, feeds: list[HostFeed]) -> None:
        self._writes = dict(writes)
        self._chip = chip
        self._feeds = feeds
        self._left = 0
        self.tasks: list[ProgramTask] = []

    def write(self, unit: Unit, layer: int, name: str, part: Part) -> None:
        """Have a part written on its tile."""
        duration = part_ps(self._chip, part, self._writes[name])
        self.tasks.append(ProgramTask(self, unit, layer, name, part, duration))

    def deliver(self, unit: Unit, no_layer: int) -> None:
        """Have the weights of all parts delivered by the host."""
        size = sum(self._bytes(task) for task in self.tasks)
        self.tasks.append(ProgramTask(self, unit, no_layer, "", None, host_ps(self._chip, size)))

    def start(self, cause: int) -> None:
        """Ask for all units at once."""
        self._left = len(self.tasks)
        for task in self.tasks:
            task.request(cause)

    def task_done(self) -> None:
        """Learn that a task is done; let samples in after the last."""
        self._left -= 1
        if not self._left:
            for feed in self._feeds:
                feed.proceed()

    def counts(self) -> Iterator[tuple[str, str, str, int]]:
        """Yield layer, component, operation and count of what has been written."""
        for task in self.tasks:
            if task.part is not None and task.done:
                counts = part_counts(task.part, self._writes[task.name])
                counts["host", "byte"] = self._bytes(task)
                for (component, operation), count in counts.items():
                    if count:
                        yield task.name, component, operation, count

    @property
    def duration_ps(self) -> int:
        """How long it takes: the longest task, since all start at once."""
        return max((task.start() for task in self.tasks), default=0)

    def line_write(self, layer: str) -> LineWrite:
        """Return how the lines of a layer are written."""
        return self._writes[layer]

    def _bytes(self, task: ProgramTask) -> int:
        return 0 if task.part is None else vector_bytes(self._chip, task.part.rows * task.part.columns)
