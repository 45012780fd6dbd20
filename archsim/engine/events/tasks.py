"""The tasks of a stage's steps: what is asked of tiles, digital units, ports and stage engines.

A stage does one action at a time, so each task is made once and used for every micro-batch; it keeps
only its tally.
"""

from __future__ import annotations

from typing import Any, Protocol

from archsim.analog.observed import Counts
from archsim.chip.components import Job, Timekeeper, Unit
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps, read_ps, transfer_ps, update_ps
from archsim.engine.events.transport import Channel, Message, Transport
from archsim.engine.program import DigitalStep, MatrixStep, Step
from archsim.engine.setup import Setup
from archsim.engine.work import Work, do_step
from archsim.mapping.plan import Part
from archsim.schedule.action_kinds import Operation
from archsim.schedule.actions import Action

__all__ = [
    "DigitalTask",
    "Grid",
    "OwnEngine",
    "PartTask",
    "PortTask",
    "RemotePartTask",
    "StageEngineTask",
    "StageState",
    "Task",
    "UnitTask",
]


class StageState(Protocol):
    """What a task needs to know of its stage: its number, and the action that it is doing."""

    index: int
    action: Action

    def task_done(self) -> None:
        """Learn that a task of the current step is done."""


class Task(Protocol):
    """A piece of a step."""

    def request(self, cause: int) -> None:
        """Ask for it to be done; `cause` says what its unit was waiting for."""


class UnitTask:
    """A task that occupies one unit.

    Attributes
    ----------
    layer : int
        Number of its layer in the timeline.
    phase : str
        What it belongs to.
    micro_batch : int
        The micro-batch that it was asked for last.
    """

    __slots__ = ("_stage", "_unit", "layer", "micro_batch", "phase")

    def __init__(self, stage: StageState, unit: Unit, layer: int, phase: str) -> None:
        self._stage = stage
        self._unit = unit
        self.layer = layer
        self.phase = phase
        self.micro_batch = -1

    @property
    def stage(self) -> int:
        """The stage that asks for it."""
        return self._stage.index

    @property
    def unit(self) -> Unit:
        """The unit that it occupies."""
        return self._unit

    def request(self, cause: int) -> None:
        """Ask for the unit."""
        self.micro_batch = self._stage.action.micro_batch
        self._unit.request(self, cause)

    def start(self) -> int:
        """Do the work and return how long it takes; see `archsim.chip.components.Job`."""
        raise NotImplementedError

    def finish(self) -> None:
        """Tell the stage."""
        self._stage.task_done()


class PartTask(UnitTask):
    """A read, transposed read, update or transfer of one part on its tile.

    Attributes
    ----------
    index : int
        Number of the part in its matrix.
    reads, requested : int
        Vector reads, with and without repeats.
    applied : int
        Vectors that updates applied, sent to the array one by one or not.
    counts : Counts
        What updates or transfers took.
    """

    __slots__ = (
        "_durations",
        "_setup",
        "_update_durations",
        "_work",
        "applied",
        "counts",
        "index",
        "part",
        "reads",
        "requested",
        "step",
    )

    def __init__(
        self,
        stage: StageState,
        unit: Unit,
        layer: int,
        step: MatrixStep,
        index: int,
        setup: Setup,
        work: Work,
    ) -> None:
        super().__init__(stage, unit, layer, step.phase)
        self.step = step
        self.part: Part = step.placement.parts[index]
        self.reads = self.requested = self.applied = 0
        self.counts = Counts()
        self.index = index
        self._setup = setup
        self._work = work
        self._durations: dict[int, int] = {}
        self._update_durations: dict[tuple[int, int], int] = {}

    def start(self) -> int:
        """Compute on the conductances of this moment; the numbers decide how long it takes."""
        action = self._stage.action
        if self.phase == "U":
            self.applied += self._setup.samples * self.step.vectors * action.count
            return self._change(self._work.update(self._stage.index, self.step, self.index, action))
        if self.phase == "T":
            return self._change(self._work.transfer(self._stage.index, self.step, self.index, action))
        reads = self._work.read(self._stage.index, self.step, self.index, action.micro_batch)
        self.reads += reads
        self.requested += self._setup.samples * self.step.vectors
        duration = self._durations.get(reads)
        if duration is None:
            part = self.part
            duration = read_ps(self._setup.chip, part.rows, part.columns, reads, transposed=self.phase == "B")
            self._durations[reads] = duration
        return duration

    def _change(self, done: Counts) -> int:
        self.counts += done
        key = done.vectors, done.slots
        duration = self._update_durations.get(key)
        if duration is None:
            duration = self._update_durations[key] = update_ps(self._setup.chip, *key)
        if not (done.transfer_reads or done.transfer_slots):
            return duration
        rows, columns = self.part.rows, self.part.columns
        return duration + transfer_ps(self._setup.chip, rows, columns, done.transfer_reads, done.transfer_slots)


class RemotePartTask(PartTask):
    """The same for a part on another node: what it needs is sent there, what it gives is sent back."""

    __slots__ = ("_bytes_back", "_bytes_out", "_cause", "_channels", "_home", "_node", "_returning", "_transport")

    def __init__(
        self,
        stage: StageState,
        unit: Unit,
        layer: int,
        step: MatrixStep,
        index: int,
        setup: Setup,
        work: Work,
        transport: Transport,
        nodes: tuple[int, int],
        sizes: tuple[int, int],
        cause: int,
    ) -> None:
        super().__init__(stage, unit, layer, step, index, setup, work)
        self._transport = transport
        self._home, self._node = nodes
        self._bytes_out, self._bytes_back = sizes
        self._cause = cause
        self._channels: dict[tuple[bool, int], Channel] = {}
        self._returning = False

    def request(self, cause: int) -> None:
        """Send the inputs first."""
        self._returning = False
        self._send()

    def arrived(self, message: Message) -> None:
        """Ask for the tile when the inputs are there; be done when the outputs are back."""
        if self._returning:
            self._stage.task_done()
        else:
            super().request(self._cause)

    def finish(self) -> None:
        """Send the outputs back."""
        self._returning = True
        self._send()

    def _send(self) -> None:
        action = self._stage.action
        key = self._returning, action.count
        if key not in self._channels:
            self._channels[key] = self._channel(*key)
        self._transport.send(self._channels[key], action.micro_batch, self)

    def _channel(self, back: bool, micro_batches: int) -> Channel:
        source, target = (self._node, self._home) if back else (self._home, self._node)
        size = (self._bytes_back if back else self._bytes_out) * micro_batches
        layer = (self.layer, self.step.matrix)
        return self._transport.channel((source, target), size, layer, self.phase, self.stage, self._cause)


class Grid:
    """The parts of a matrix on one node: those granted at the same moment may be computed side by side."""

    __slots__ = ("_parts", "_step", "_work")

    def __init__(self, step: MatrixStep, parts: tuple[PartTask, ...], work: Work) -> None:
        self._step = step
        self._parts = parts
        self._work = work

    def prepare(self, stage: int, action: Action) -> None:
        """Announce the parts whose tiles are free, and will therefore be granted now."""
        now = tuple(part.index for part in self._parts if part.unit.busy_since is None)
        if len(now) > 1:
            self._work.prepare(stage, self._step, now, action)


class DigitalTask(UnitTask):
    """A step on the near-memory unit.

    Attributes
    ----------
    samples : int
        Samples it was done for.
    """

    __slots__ = ("_durations", "_setup", "_work", "samples", "step")

    def __init__(self, stage: StageState, unit: Unit, layer: int, step: DigitalStep, setup: Setup, work: Work) -> None:
        super().__init__(stage, unit, layer, step.phase)
        self.step = step
        self.samples = 0
        self._setup = setup
        self._work = work
        self._durations: dict[int, int] = {}

    def start(self) -> int:
        """Compute, and say how long it takes."""
        action = self._stage.action
        self._work.digital(self._stage.index, self.step, action)
        samples = self._setup.samples * action.count
        self.samples += samples
        duration = self._durations.get(samples)
        if duration is None:
            cost = self.step.cost
            duration = nmpu_ps(self._setup.chip, (cost.multiply_adds + cost.activations) * samples)
            self._durations[samples] = duration
        return duration


class PortTask(UnitTask):
    """Traffic at the port of a node's buffer, streaming beside the step that needs it.

    Attributes
    ----------
    size_bytes : int
        Bytes moved.
    """

    __slots__ = ("_bytes_per_micro_batch", "_chip", "_durations", "name", "operation", "size_bytes")

    def __init__(
        self,
        stage: StageState,
        unit: Unit,
        layer: int,
        name: str,
        phase: str,
        operation: str,
        bytes_per_micro_batch: int,
        chip: Chip,
    ) -> None:
        super().__init__(stage, unit, layer, phase)
        self.name = name
        self.operation = operation
        self.size_bytes = 0
        self._bytes_per_micro_batch = bytes_per_micro_batch
        self._chip = chip
        self._durations: dict[int, int] = {}

    def start(self) -> int:
        """Move the bytes of the micro-batches at hand."""
        size = self._bytes_per_micro_batch * self._stage.action.count
        self.size_bytes += size
        duration = self._durations.get(size)
        if duration is None:
            duration = self._durations[size] = buffer_ps(self._chip, size)
        return duration


class OwnEngine:
    """The engine of a stage alone at its place: always free for it, and as busy as the stage itself."""

    __slots__ = ("_job", "_timekeeper", "name")

    def __init__(self, timekeeper: Timekeeper, name: str) -> None:
        self._timekeeper = timekeeper
        self.name = name
        self._job: Job | None = None

    def request(self, job: Job, cause: int) -> None:
        """Serve a job at once."""
        self._job = job
        self._timekeeper.after(job.start(), self._complete)

    def _complete(self, event: Any) -> None:
        job, self._job = self._job, None
        if job is None:
            raise RuntimeError("a stage engine completes a job that it does not have")
        job.finish()


class StageEngineTask:
    """A whole action of an abstract stage, which takes a given time for each micro-batch.

    Attributes
    ----------
    operation : {"forward", "backward", "update"} or None
        As what it is timed and counted.
    layer, phase, micro_batch
        No layer, the symbol of the action, and its micro-batch.
    pulses : dict of str to int
        Device pulses by matrix.
    micro_batches : int
        For how many micro-batches it was done.
    """

    __slots__ = (
        "_duration_ps",
        "_engine",
        "_stage",
        "_work",
        "layer",
        "micro_batch",
        "micro_batches",
        "operation",
        "phase",
        "pulses",
        "steps",
    )

    def __init__(
        self,
        stage: StageState,
        engine: Unit | OwnEngine,
        phase: str,
        operation: Operation | None,
        steps: tuple[Step, ...],
        duration_ps: int,
        layer: int,
        work: Work,
    ) -> None:
        self._stage = stage
        self._engine = engine
        self.phase = phase
        self.operation = operation
        self.steps = steps
        self._duration_ps = duration_ps
        self.layer = layer
        self._work = work
        self.micro_batch = -1
        self.micro_batches = 0
        self.pulses: dict[str, int] = {}

    @property
    def stage(self) -> int:
        """The stage that asks for it."""
        return self._stage.index

    @property
    def unit_name(self) -> str:
        """The unit that does it: the stage, or the engine that it shares."""
        return self._engine.name

    def request(self, cause: int) -> None:
        """Ask for the engine."""
        self.micro_batch = self._stage.action.micro_batch
        self._engine.request(self, cause)

    def start(self) -> int:
        """Do the numbers now; be done after the given time."""
        count = self._stage.action.count
        self.micro_batches += count
        for step in self.steps:
            done = do_step(step, self._stage.index, self._stage.action, self._work)
            if isinstance(step, MatrixStep) and isinstance(done, Counts):
                self.pulses[step.matrix] = self.pulses.get(step.matrix, 0) + done.pulses
        return count * self._duration_ps

    def finish(self) -> None:
        """Tell the stage."""
        self._stage.task_done()
