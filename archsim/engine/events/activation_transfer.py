"""What crosses the borders of stages: values forward, gradients backward, samples from the host."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.chip.components import Unit
from archsim.chip.specification import Chip
from archsim.chip.timing import host_ps
from archsim.engine.events.intake import IntakeOrder
from archsim.engine.events.sequencer import Sequencer
from archsim.engine.events.transport import Channel, Message, Transport
from archsim.engine.program import Edge
from archsim.schedule.actions import Schedule

__all__ = ["ActivationTransfer", "GradientTransfer", "HostFeed", "HostPort", "ValueRoute"]


@dataclass(frozen=True, slots=True)
class ValueRoute:
    """The way of a value from the stage that makes it to one that needs it.

    Attributes
    ----------
    edge : Edge
        The value.
    source, target : Sequencer
        The stages.
    transport, channel
        The links, and what all its messages share.
    """

    edge: Edge
    source: Sequencer
    target: Sequencer
    transport: Transport
    channel: Channel


class ActivationTransfer:
    """A value on its way to the stage that needs it: space there first, then the links."""

    __slots__ = ("_micro_batch", "_route", "_waited")

    def __init__(self, route: ValueRoute, micro_batch: int) -> None:
        self._route = route
        self._micro_batch = micro_batch
        self._waited = False

    def depart(self) -> None:
        """Set out as soon as there is space."""
        self._route.target.admit(self._route.edge, self._micro_batch, self)

    def admitted(self, waited: bool) -> None:
        """Set out."""
        route, self._waited = self._route, waited
        route.source.value_departed(self._micro_batch)
        route.transport.send(route.channel, self._micro_batch, self)

    def arrived(self, message: Message) -> None:
        """Hand over."""
        self._route.target.input_arrived(self._route.edge, self._micro_batch, self._waited)


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

    @property
    def stage(self) -> int:
        return self._feed.stage

    def start(self) -> int:
        return self._duration_ps

    def finish(self) -> None:
        self._feed.send_on(self)

    def arrived(self, message: Message) -> None:
        self._feed.deliver(self)


@dataclass(frozen=True, slots=True)
class HostPort:
    """Where samples come in.

    Attributes
    ----------
    chip : Chip
        The chip, which says how fast it is.
    schedule : Schedule
        In which order stages take micro-batches in.
    prefetch : int
        How many micro-batches may wait at a stage.
    unit : Unit or None
        The port; None where it takes no time.
    """

    chip: Chip
    schedule: Schedule
    prefetch: int
    unit: Unit | None


class HostFeed:
    """The host brings micro-batch after micro-batch to a stage, in its order, a few ahead of its forwards.

    Parameters
    ----------
    target : Sequencer
        The stage.
    edge : Edge
        The network's input there.
    port : HostPort
        Where it comes in.
    transport, channel
        The links, and what all messages to the stage share.
    space_cause : int
        What the port waits for where the stage's buffer is full.
    """

    __slots__ = (
        "_channel",
        "_claiming",
        "_duration_ps",
        "_edge",
        "_order",
        "_port",
        "_space",
        "_started",
        "_target",
        "_transport",
        "name",
        "stage",
    )

    def __init__(
        self,
        target: Sequencer,
        edge: Edge,
        port: HostPort,
        transport: Transport,
        channel: Channel,
        space_cause: int,
    ) -> None:
        self.name = edge.name
        self.stage = target.index
        self._edge = edge
        self._target = target
        self._port = port
        self._duration_ps = host_ps(port.chip, channel.size_bytes)
        self._transport = transport
        self._channel = channel
        self._order = IntakeOrder(port.schedule, target.index)
        self._started = 0
        self._claiming = False
        self._space = space_cause

    @property
    def sent(self) -> int:
        """How many micro-batches have left."""
        return self._order.passed

    @property
    def size_bytes(self) -> int:
        """Bytes of a micro-batch."""
        return self._channel.size_bytes

    @property
    def brought(self) -> int:
        """How many micro-batches have left, or are claiming space."""
        return self._order.passed + self._claiming

    def input_taken(self) -> None:
        """The stage has taken an input: another one may come."""
        self._started += 1
        self.proceed()

    def proceed(self) -> None:
        """Bring what may be brought."""
        order, prefetch = self._order, self._port.prefetch
        while not self._claiming and order.next is not None and order.passed - self._started < prefetch:
            self._claiming = True
            self._target.admit(self._edge, order.next, self)

    def admitted(self, waited: bool) -> None:
        """There is space for the next micro-batch."""
        self._claiming, micro_batch = False, self._order.next
        if micro_batch is None:
            raise RuntimeError(f"the host is let in to stage {self.stage} with nothing left to bring")
        job = _HostJob(self, self._channel.layer, micro_batch, self._duration_ps, waited)
        self._order.advance()
        if self._port.unit is None:
            self.send_on(job)
        else:
            self._port.unit.request(job, self._space if waited else self._channel.cause)
        if waited:
            self.proceed()

    def send_on(self, job: _HostJob) -> None:
        """From the port over the links to the stage."""
        self._transport.send(self._channel, job.micro_batch, job)

    def deliver(self, job: _HostJob) -> None:
        """Hand over to the stage."""
        self._target.input_arrived(self._edge, job.micro_batch, job.waited)
