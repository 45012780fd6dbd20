"""What crosses the borders of stages: values forward, gradients backward, samples from the host."""

from __future__ import annotations

from archsim.chip.components import Recorder, Unit
from archsim.chip.specification import Chip
from archsim.chip.timing import host_ps
from archsim.engine.events.sequencer import Sequencer
from archsim.engine.events.transport import Channel, Message, Transport
from archsim.engine.program import Edge
from archsim.schedule.actions import PipelineShape

__all__ = ["ActivationTransfer", "GradientTransfer", "HostFeed"]


class ActivationTransfer:
    """A value on its way to the stage that needs it: space there first, then the links."""

    __slots__ = ("_channel", "_edge", "_micro_batch", "_source", "_target", "_transport", "_waited")

    def __init__(
        self,
        edge: Edge,
        micro_batch: int,
        source: Sequencer,
        target: Sequencer,
        transport: Transport,
        channel: Channel,
    ) -> None:
        self._edge = edge
        self._source = source
        self._micro_batch = micro_batch
        self._target = target
        self._transport = transport
        self._channel = channel
        self._waited = False

    def depart(self) -> None:
        """Claim the space of the whole micro-batch with the stage's first input; others find it there."""
        if self._target.program.claims_with(self._edge):
            self._target.space.claim(self._target.footprint, self)
        else:
            self.admitted(False)

    def admitted(self, waited: bool) -> None:
        """Set out."""
        self._waited = waited
        self._source.value_departed(self._micro_batch)
        self._transport.send(self._channel, self._micro_batch, self)

    def arrived(self, message: Message) -> None:
        """Hand over."""
        self._target.input_arrived(self._edge, self._micro_batch, self._waited)


class GradientTransfer:
    """A gradient on its way back to the stage that made the value; its space was claimed with the value."""

    __slots__ = ("_edge", "_source")

    def __init__(self, edge: Edge, source: Sequencer) -> None:
        self._edge = edge
        self._source = source

    def arrived(self, message: Message) -> None:
        """Hand over."""
        self._source.gradient_arrived(self._edge, message.micro_batch)


class _HostJob:
    """One micro-batch of samples at the host port."""

    __slots__ = ("_duration_ps", "_feed", "layer", "micro_batch", "phase", "waited")

    def __init__(self, feed: HostFeed, layer: int, micro_batch: int, duration_ps: int, waited: bool) -> None:
        self._feed = feed
        self._duration_ps = duration_ps
        self.layer = layer
        self.phase = "F"
        self.micro_batch = micro_batch
        self.waited = waited

    def start(self) -> int:
        return self._duration_ps

    def finish(self) -> None:
        self._feed.send_on(self)

    def arrived(self, message: Message) -> None:
        self._feed.deliver(self)


class HostFeed:
    """The host brings micro-batch after micro-batch to a stage, a few ahead of its forwards.

    Parameters
    ----------
    edge : Edge
        The network's input at this stage.
    target : Sequencer
        The stage.
    shape : PipelineShape
        How many micro-batches the run has.
    prefetch : int
        How many may wait at the stage.
    unit : Unit or None
        The host port; None where it takes no time.
    nodes : tuple of int
        Node of the port, and home of the stage.
    size_bytes : int
        Bytes of a micro-batch.
    """

    __slots__ = (
        "_channel",
        "_claiming",
        "_demand",
        "_duration_ps",
        "_edge",
        "_next",
        "_prefetch",
        "_shape",
        "_space",
        "_started",
        "_target",
        "_transport",
        "_unit",
        "name",
        "sent",
        "size_bytes",
        "stage",
    )

    def __init__(
        self,
        edge: Edge,
        target: Sequencer,
        shape: PipelineShape,
        prefetch: int,
        unit: Unit | None,
        chip: Chip,
        transport: Transport,
        nodes: tuple[int, int],
        size_bytes: int,
        recorder: Recorder,
    ) -> None:
        self.name = edge.name
        self.stage = target.index
        self.size_bytes = size_bytes
        self.sent = 0
        self._edge = edge
        self._target = target
        self._shape = shape
        self._prefetch = prefetch
        self._unit = unit
        self._duration_ps = host_ps(chip, size_bytes)
        self._transport = transport
        self._next = 0
        self._started = 0
        self._claiming = False
        layer = (recorder.layer(edge.name), edge.name)
        self._demand = recorder.cause(f"demand of stage {target.index}")
        self._channel = transport.channel(*nodes, size_bytes, layer, "F", self._demand)
        self._space = recorder.cause(f"space in {target.space.name}")

    @property
    def brought(self) -> int:
        """How many micro-batches have left, or are claiming space."""
        return self._next + self._claiming

    def input_taken(self) -> None:
        """The stage has taken an input: another one may come."""
        self._started += 1
        self.proceed()

    def proceed(self) -> None:
        """Bring what may be brought."""
        while not self._claiming and self._next < self._shape.total and self._next - self._started < self._prefetch:
            self._claiming = True
            if self._target.program.claims_with(self._edge):
                self._target.space.claim(self._target.footprint, self)
            else:
                self.admitted(False)

    def admitted(self, waited: bool) -> None:
        """There is space for the next micro-batch."""
        self._claiming = False
        job = _HostJob(self, self._channel.layer, self._next, self._duration_ps, waited)
        self._next += 1
        self.sent += 1
        if self._unit is None:
            self.send_on(job)
        else:
            self._unit.request(job, self._space if waited else self._demand)
        if waited:
            self.proceed()

    def send_on(self, job: _HostJob) -> None:
        """From the port over the links to the stage."""
        self._transport.send(self._channel, job.micro_batch, job)

    def deliver(self, job: _HostJob) -> None:
        """Hand over to the stage."""
        self._target.input_arrived(self._edge, job.micro_batch, job.waited)
