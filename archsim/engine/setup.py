"""What is known before the clock starts: chip, mapping, programs, schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.analog.algorithms import DeviceStack, device_stack
from archsim.analog.specification.inference import ConductanceNoise
from archsim.chip.arbitration import Arbitration, arbiter_of
from archsim.chip.interconnects import Interconnect, interconnect_of
from archsim.chip.specification import Chip
from archsim.engine.line_copies import LineCopy
from archsim.engine.line_writes import LineWrite
from archsim.engine.program import StageProgram
from archsim.mapping.plan import Plan
from archsim.network.graph import Graph
from archsim.schedule.actions import Schedule
from archsim.specification import Specification

__all__ = ["Setup", "device_stacks"]

ONE_DEVICE = DeviceStack(1, 1, 1)


@dataclass(frozen=True, slots=True)
class Setup:
    """An experiment made ready to run.

    Attributes
    ----------
    chip : Chip
        What is built.
    plan : Plan
        Where everything lies.
    programs : tuple of StageProgram
        What each stage does in an F, B and U.
    schedule : Schedule
        In which order.
    samples : int
        Samples of a micro-batch.
    stacks : mapping of str to DeviceStack
        The devices behind a weight, for each matrix; one where nothing is said.
    spare : DeviceStack
        The same for tiles that no matrix uses.
    stored_max : tuple of int
        The most micro-batches that the schedule makes each stage store, as its dry run found.
    programming : mapping of str to LineWrite, optional
        How the initial weights of each matrix that stays on its tiles are written, where that is simulated.
    rewriting : mapping of str to LineWrite
        How each matrix is written that actions write anew.
    copying : mapping of str to LineCopy
        How each matrix is copied from one of its sets of crossbars to the other, where the schedule does so.
    copy_noise : ConductanceNoise, optional
        The error that programming leaves on copies; exact ones without it.
    """

    chip: Chip
    plan: Plan
    programs: tuple[StageProgram, ...]
    schedule: Schedule
    samples: int
    stacks: Mapping[str, DeviceStack] = field(default_factory=dict)
    spare: DeviceStack = ONE_DEVICE
    programming: Mapping[str, LineWrite] | None = None
    stored_max: tuple[int, ...] = ()
    rewriting: Mapping[str, LineWrite] = field(default_factory=dict)
    copying: Mapping[str, LineCopy] = field(default_factory=dict)
    copy_noise: ConductanceNoise | None = None

    @property
    def arbiter(self) -> Arbitration | None:
        """Who says which job a unit serves next; None for the order of requests."""
        return arbiter_of(self.chip.arbitration)

    @property
    def link_arbiter(self) -> Arbitration | None:
        """Who says which message a link carries next; None for the order of requests."""
        return None if self.chip.interconnect is None else arbiter_of(self.chip.interconnect.arbitration)

    @property
    def interconnect(self) -> Interconnect:
        """What lies between the nodes."""
        return interconnect_of(self.chip.interconnect, self.plan.nodes)

    @property
    def samples_of_update(self) -> int:
        """Samples that an update applies together."""
        return self.samples * self.schedule.micro_batches_of_update

    def stack(self, matrix: str) -> DeviceStack:
        """Return the devices behind a weight of a matrix."""
        return self.stacks.get(matrix, self.spare)

    def home(self, stage: int) -> int:
        """Return the home node of a stage."""
        return self.plan.place_of(stage).home


def device_stacks(graph: Graph, algorithm: Specification, chip: Chip) -> tuple[dict[str, DeviceStack], DeviceStack]:
    """Return the devices behind a weight: of each layer with a matrix, and of tiles that no layer uses.

    Parameters
    ----------
    graph, chip
        The network and the chip.
    algorithm : Specification
        Settings of the training algorithm of layers that name none.
    """
    stacks = {
        matrix.name: device_stack(matrix.settings.algorithm or algorithm, matrix.settings.device or chip.device)
        for matrix in graph.matrices
        if not matrix.digital
    }
    return stacks, device_stack(algorithm, chip.device)
