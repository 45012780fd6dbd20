"""What stands for a chip in time: its units, and every task that may be asked of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from archsim.chip.area import Built
from archsim.chip.components import Unit
from archsim.chip.specification import Chip
from archsim.engine.events.kernel import Kernel
from archsim.engine.events.nmpu_tasks import NmpuTask, ProductTask
from archsim.engine.events.part_tasks import PartTask
from archsim.engine.events.port_tasks import PortTask
from archsim.engine.events.rewriting import RewriteTask
from archsim.engine.events.sequencer import ActionRun, Sequencer
from archsim.engine.events.stage_engine import StageEngineTask
from archsim.engine.events.step_runs import Turns
from archsim.engine.events.streaming import Ends
from archsim.engine.events.transfers import TransferMemoryTask, TransferOperationsTask
from archsim.engine.events.transport import Transport
from archsim.engine.program import StageProgram
from archsim.engine.setup import Setup
from archsim.engine.work import Work
from archsim.results.timeline import Timeline
from archsim.schedule.action_kinds import StageCycles

__all__ = ["Equipment"]


class Equipment(ABC):
    """The units in use, and every task that may be asked of them.

    There is one class for each way to model a chip (`archsim.engine.events.chip_model` chooses it). It makes the tasks
    of a stage, and says what is built, how many units there are, and which times there are to know.

    Parameters
    ----------
    setup : Setup
        What is built, and where everything lies.
    kernel, timeline, transport, work
        Event kernel, recorder of slices, links, and the numbers.
    """

    __slots__ = (
        "_kernel",
        "_setup",
        "_timeline",
        "_transport",
        "_work",
        "digital",
        "engines",
        "parts",
        "ports",
        "products",
        "rewrites",
        "transfers",
        "units",
    )

    #: Whether stages do steps, which may hand chunks on to steps of other stages.
    streams: ClassVar[bool] = False

    def __init__(self, setup: Setup, kernel: Kernel, timeline: Timeline, transport: Transport, work: Work) -> None:
        self.parts: list[PartTask] = []
        self.digital: list[NmpuTask] = []
        self.products: list[ProductTask] = []
        self.ports: list[PortTask] = []
        self.transfers: list[tuple[TransferOperationsTask, TransferMemoryTask]] = []
        self.rewrites: list[RewriteTask] = []
        self.engines: list[StageEngineTask] = []
        self.units: dict[str, Unit] = {}
        self._setup = setup
        self._kernel = kernel
        self._timeline = timeline
        self._transport = transport
        self._work = work

    @staticmethod
    @abstractmethod
    def built(setup: Setup) -> Built:
        """Return how many tiles, nodes and arrays of devices the chip has, used or not; none where it has no tiles."""

    @staticmethod
    @abstractmethod
    def unit_counts(setup: Setup) -> dict[str, int]:
        """Return how many units of each component the chip has, used or not."""

    @staticmethod
    @abstractmethod
    def stage_cycles(chip: Chip) -> StageCycles | None:
        """Return the times in picoseconds that the chip states for a stage's actions; None where its units decide."""

    @staticmethod
    @abstractmethod
    def times_ps(chip: Chip) -> dict[str, int]:
        """Return the times that durations are made of, by dotted name below ``chip``; of a clock, its period."""

    @abstractmethod
    def runs(
        self, program: StageProgram, stage: Sequencer, ends: Ends
    ) -> tuple[dict[str, ActionRun], tuple[Turns, ...]]:
        """Return what a stage does in each kind of action, and the layers that need not wait for each other.

        `ends` tells by kind of action what comes in and goes out chunk by chunk, where steps do (`streams`).
        """

    def unit(self, component: str, number: int, stage: int | None) -> Unit:
        """Return a unit, made on first use; `stage` is the one whose own it is."""
        return self._unit(f"{component.replace('_', ' ')} {number}", component, stage)

    @property
    def host(self) -> Unit | None:
        """The port of the host, where the chip has one."""
        return None if self._setup.chip.host is None else self._unit("host", "host", None)

    def _unit(self, name: str, component: str, stage: int | None) -> Unit:
        if name not in self.units:
            self.units[name] = Unit(self._kernel, self._timeline, name, component, stage, self._setup.arbiter)
        return self.units[name]
