"""The tasks of the parts of a matrix: reads, transposed reads, updates and transfers on their tiles."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.observed import Counts
from archsim.chip.components import Unit
from archsim.chip.specification import Chip
from archsim.chip.timing import read_lag_ps, read_ps, transfer_ps, update_ps
from archsim.engine.events.tasks import StepState, UnitTask
from archsim.engine.events.transport import Channel, Message, Receiver, Transport
from archsim.engine.setup import Setup
from archsim.engine.steps import MatrixStep
from archsim.engine.work import Work
from archsim.mapping.plan import Part
from archsim.schedule.actions import Action

__all__ = ["Grid", "OutputReturn", "PartTask", "RemotePartTask", "RoundTrip"]


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
        "_lag_ps",
        "_read_out",
        "_reads",
        "_setup",
        "_update_durations",
        "_vectors",
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
        run: StepState,
        unit: Unit,
        layer: int,
        step: MatrixStep,
        index: int,
        setup: Setup,
        work: Work,
    ) -> None:
        super().__init__(run, unit, layer, step.phase)
        self.step = step
        self.part: Part = step.placement.parts[index]
        #: Vector reads of the block at hand, and the chunk whose read ends next.
        self._reads = self._read_out = 0
        self._lag_ps = self._lag(setup.chip) if run.last else 0
        self.reads = self.requested = self.applied = 0
        self.counts = Counts()
        self.index = index
        self._setup = setup
        self._vectors = setup.samples * step.vectors
        self._work = work
        self._durations: dict[int, int] = {}
        self._update_durations: dict[tuple[int, int], int] = {}

    def start(self) -> int:
        """Compute on the conductances of this moment; the numbers decide how long it takes."""
        run = self._step
        action, chunk = run.action, self._start_chunk() if run.last else 0
        if self.phase == "U":
            self.applied += self._vectors * action.count
            return self._change(self._work.update(run.index, self.step, self.index, action))
        if self.phase == "T":
            return self._change(self._work.transfer(run.index, self.step, self.index, action))
        if not chunk:
            # The tile keeps its weights until the block has passed, so all of it may be computed now.
            self._reads = self._work.read(run.index, self.step, self.index, action.micro_batch)
            self.reads += self._reads
            self.requested += self._vectors
        reads = run.chunks.share(self._reads, chunk) if run.last else self._reads
        duration = self._durations.get(reads)
        if duration is None:
            part = self.part
            duration = read_ps(self._setup.chip, part.rows, part.columns, reads, transposed=self.phase == "B")
            self._durations[reads] = duration
        return duration if chunk == run.last else duration - self._lag_ps

    def finish(self) -> None:
        """Hand on what was read: now, or a little later if the next read may begin before it is out."""
        if not self._step.last:
            self._done(0)
            return
        chunk = self._end_chunk()
        if self._lag_ps and chunk != self._step.last:
            self._unit.timekeeper.after(self._lag_ps, self._is_read_out)
        else:
            self._read_out = 0
            self._done(chunk)

    def _is_read_out(self) -> None:
        chunk = self._read_out
        self._read_out = chunk + 1
        self._done(chunk)

    def _done(self, chunk: int) -> None:
        self._step.task_done(chunk)

    def _lag(self, chip: Chip) -> int:
        if self.phase not in ("F", "B"):
            return 0
        return read_lag_ps(chip, self.part.rows, self.part.columns, transposed=self.phase == "B")

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


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """The way from the home of a stage to a part on another node, and back.

    Attributes
    ----------
    transport : Transport
        The links.
    home, node : int
        The two nodes.
    bytes_out, bytes_back : int
        What is sent there and back for a micro-batch.
    cause : int
        What the links were waiting for.
    """

    transport: Transport
    home: int
    node: int
    bytes_out: int
    bytes_back: int
    cause: int


class RemotePartTask(PartTask):
    """The same for a part on another node: what it needs is sent there, what it gives is sent back."""

    __slots__ = ("_channels", "_returns", "_sent", "_trip")

    def __init__(
        self,
        run: StepState,
        unit: Unit,
        layer: int,
        step: MatrixStep,
        index: int,
        setup: Setup,
        work: Work,
        trip: RoundTrip,
    ) -> None:
        super().__init__(run, unit, layer, step, index, setup, work)
        self._trip = trip
        self._channels: dict[tuple[bool, int], Channel] = {}
        #: The chunk whose inputs are sent next.
        self._sent = 0
        self._returns = OutputReturn(run)

    def request(self, cause: int) -> None:
        """Send the inputs first."""
        chunk = self._sent
        self._sent = 0 if chunk == self._step.last else chunk + 1
        self._send(chunk, self)

    def arrived(self, message: Message) -> None:
        """Ask for the tile when the inputs are there."""
        super().request(self._trip.cause)

    def _done(self, chunk: int) -> None:
        self._send(chunk, self._returns)

    def _send(self, chunk: int, receiver: Receiver) -> None:
        run, trip = self._step, self._trip
        back = receiver is not self
        size = (trip.bytes_back if back else trip.bytes_out) * run.action.count
        if run.last:
            size = run.chunks.share(size, chunk)
        channel = self._channels.get((back, size))
        if channel is None:
            ends = (trip.node, trip.home) if back else (trip.home, trip.node)
            layer = (self.layer, self.step.matrix)
            channel = trip.transport.channel(ends, size, layer, self.phase, self.stage, trip.cause)
            self._channels[back, size] = channel
        trip.transport.send(channel, run.action.micro_batch, receiver)


class OutputReturn:
    """Takes the outputs of a remote part, chunk after chunk."""

    __slots__ = ("_chunk", "_step")

    def __init__(self, step: StepState) -> None:
        self._step = step
        self._chunk = 0

    def arrived(self, message: Message) -> None:
        """Tell the step."""
        chunk = self._chunk
        self._chunk = 0 if chunk == self._step.last else chunk + 1
        self._step.task_done(chunk)


class Grid:
    """The parts of a matrix on one node: those granted at the same moment may be computed side by side."""

    __slots__ = ("_parts", "_step", "_work")

    def __init__(self, step: MatrixStep, parts: tuple[PartTask, ...], work: Work) -> None:
        self._step = step
        self._parts = parts
        self._work = work

    @property
    def shares(self) -> bool:
        """Whether there are several."""
        return len(self._parts) > 1

    def prepare(self, stage: int, action: Action) -> None:
        """Announce the parts whose tiles are free, and will therefore be granted now."""
        now = tuple(part.index for part in self._parts if part.unit.busy_since is None)
        if len(now) > 1:
            self._work.prepare(stage, self._step, now, action)
