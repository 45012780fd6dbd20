"""Messages over links: the routes are those of the chip's interconnect, with virtual cut-through.

A message holds each link of its route for the link's latency + serialisation; its head asks for the next
link a latency after it was granted this one. Blocks that wait stand in the router before the
link. A message without bytes, or within a node, takes no time but still goes through the event queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from archsim.chip.components import Recorder, Timekeeper, Unit
from archsim.chip.counts import CountKey
from archsim.chip.interconnects import Link, checked_route
from archsim.engine.setup import Setup

__all__ = ["Channel", "Hop", "Message", "Receiver", "Transport"]


class Receiver(Protocol):
    """Who learns that a message is there."""

    def arrived(self, message: Message) -> None:
        """Take a message that has arrived."""


@dataclass(frozen=True, slots=True)
class Channel:
    """What all messages of one sort share.

    Attributes
    ----------
    source, target : int
        The nodes.
    size_bytes : int
        The size of each.
    serialisation_ps : int
        How long each holds a link beyond its latency.
    layer : int
        Number of their layer in the timeline.
    phase : str
        What they belong to.
    stage : int
        The stage that sends them, or has them sent.
    cause : int
        What their links were waiting for.
    key : CountKey
        As what their bytes are counted.
    """

    source: int
    target: int
    size_bytes: int
    serialisation_ps: int
    layer: int
    phase: str
    stage: int
    cause: int
    key: CountKey


class Hop(NamedTuple):
    """A link on a route, and after how long the head of a message goes on from it."""

    link: Unit
    latency_ps: int


class Message:
    """A block under way.

    Attributes
    ----------
    layer, phase, micro_batch
        What it belongs to.
    """

    __slots__ = (
        "_channel",
        "_hops_done",
        "_hops_started",
        "_receiver",
        "_route",
        "_transport",
        "layer",
        "micro_batch",
        "phase",
    )

    def __init__(
        self,
        transport: Transport,
        channel: Channel,
        route: tuple[Hop, ...],
        micro_batch: int,
        receiver: Receiver,
    ) -> None:
        self._transport = transport
        self._channel = channel
        self._route = route
        self._receiver = receiver
        self._hops_started = 0
        self._hops_done = 0
        self.layer = channel.layer
        self.phase = channel.phase
        self.micro_batch = micro_batch

    @property
    def stage(self) -> int:
        """The stage that sends it, or has it sent."""
        return self._channel.stage

    def depart(self) -> None:
        """Set out."""
        if self._route:
            self._route[0].link.request(self, self._channel.cause)
        else:
            self._transport.timekeeper.after(0, self._arrive)

    def start(self) -> int:
        """Take a link; the head goes on to the next one a latency later."""
        latency_ps = self._route[self._hops_started].latency_ps
        self._hops_started += 1
        if self._hops_started < len(self._route):
            self._transport.timekeeper.after(latency_ps, self._advance)
        return latency_ps + self._channel.serialisation_ps

    def finish(self) -> None:
        """Leave a link; behind the last one, arrive."""
        self._hops_done += 1
        if self._hops_done == len(self._route):
            self._arrive()

    def _advance(self) -> None:
        self._route[self._hops_started].link.request(self, self._channel.cause)

    def _arrive(self) -> None:
        self._transport.bytes_received += self._channel.size_bytes
        self._receiver.arrived(self)


class Transport:
    """The links of a chip.

    Parameters
    ----------
    setup : Setup
        What is built, and where the stages are.
    timekeeper, recorder
        The event kernel and who is told of busy and idle slices.

    Attributes
    ----------
    bytes_sent, bytes_received : int
        Conservation: equal when nothing is under way.
    byte_hops : dict of CountKey to int
        Bytes times hops, by phase and layer.
    """

    __slots__ = (
        "_links",
        "_recorder",
        "_routes",
        "byte_hops",
        "bytes_received",
        "bytes_sent",
        "setup",
        "timekeeper",
    )

    def __init__(self, setup: Setup, timekeeper: Timekeeper, recorder: Recorder) -> None:
        self.setup = setup
        self.timekeeper = timekeeper
        self.bytes_sent = 0
        self.bytes_received = 0
        self.byte_hops: dict[CountKey, int] = {}
        self._recorder = recorder
        self._links: dict[str, Unit] = {}
        self._routes: dict[tuple[int, int], tuple[Hop, ...]] = {}

    @property
    def units(self) -> tuple[Unit, ...]:
        """The links in use."""
        return tuple(self._links.values())

    def channel(
        self, nodes: tuple[int, int], size_bytes: int, layer: tuple[int, str], phase: str, stage: int, cause: int
    ) -> Channel:
        """Return how blocks of a size go from node to node; `layer` is its number in the timeline and its name."""
        number, name = layer
        source, target = nodes
        links = self.setup.chip.interconnect
        return Channel(
            source,
            target,
            size_bytes,
            0 if links is None else links.serialisation_ps(size_bytes),
            number,
            phase,
            stage,
            cause,
            CountKey("link", "byte_hop", phase, name),
        )

    def send(self, channel: Channel, micro_batch: int, receiver: Receiver) -> None:
        """Send a block of a micro-batch."""
        size = channel.size_bytes
        route = self._route(channel.source, channel.target) if size else ()
        self.bytes_sent += size
        if route:
            self.byte_hops[channel.key] = self.byte_hops.get(channel.key, 0) + size * len(route)
        Message(self, channel, route, micro_batch, receiver).depart()

    def _route(self, source: int, target: int) -> tuple[Hop, ...]:
        route = self._routes.get((source, target))
        if route is None:
            links = () if source == target else checked_route(self.setup.interconnect, source, target)
            route = self._routes[source, target] = tuple(Hop(self._unit(link), link.latency_ps) for link in links)
        return route

    def _unit(self, link: Link) -> Unit:
        unit = self._links.get(link.name)
        if unit is None:
            unit = self._links[link.name] = Unit(
                self.timekeeper, self._recorder, link.name, "link", None, self.setup.link_arbiter
            )
        return unit
