"""Messages on the mesh: dimension-ordered routes, one link each way, virtual cut-through.

A message holds each link of its route for hop latency + serialisation; its head asks for the next
link one hop latency after it was granted this one. Blocks that wait stand in the router before the
link. A message without bytes, or within a node, takes no time but still goes through the event queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from archsim.chip.components import Recorder, Timekeeper, Unit
from archsim.chip.counts import CountKey
from archsim.chip.timing import hop_ps, link_ps
from archsim.engine.setup import Setup
from archsim.mapping.plan import Plan

__all__ = ["Channel", "Message", "Receiver", "Transport", "link_count", "link_name"]


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
    occupancy_ps : int
        How long each holds a link.
    layer : int
        Number of their layer in the timeline.
    phase : str
        What they belong to.
    cause : int
        What their links were waiting for.
    key : CountKey
        As what their bytes are counted.
    """

    source: int
    target: int
    size_bytes: int
    occupancy_ps: int
    layer: int
    phase: str
    cause: int
    key: CountKey


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
        route: tuple[Unit, ...],
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

    def depart(self) -> None:
        """Set out."""
        if self._route:
            self._route[0].request(self, self._channel.cause)
        else:
            self._transport.timekeeper.after(0, self._arrive)

    def start(self) -> int:
        """Take a link; the head goes on to the next one a hop later."""
        self._hops_started += 1
        if self._hops_started < len(self._route):
            self._transport.timekeeper.after(self._transport.hop_ps, self._advance)
        return self._channel.occupancy_ps

    def finish(self) -> None:
        """Leave a link; behind the last one, arrive."""
        self._hops_done += 1
        if self._hops_done == len(self._route):
            self._arrive(None)

    def _advance(self, event: Any) -> None:
        self._route[self._hops_started].request(self, self._channel.cause)

    def _arrive(self, event: Any) -> None:
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
        "chip",
        "hop_ps",
        "plan",
        "timekeeper",
    )

    def __init__(self, setup: Setup, timekeeper: Timekeeper, recorder: Recorder) -> None:
        self.chip = setup.chip
        self.plan = setup.plan
        self.timekeeper = timekeeper
        self.hop_ps = hop_ps(setup.chip)
        self.bytes_sent = 0
        self.bytes_received = 0
        self.byte_hops: dict[CountKey, int] = {}
        self._recorder = recorder
        self._links: dict[tuple[int, int], Unit] = {}
        self._routes: dict[tuple[int, int], tuple[Unit, ...]] = {}

    @property
    def units(self) -> tuple[Unit, ...]:
        """The links in use."""
        return tuple(self._links.values())

    def channel(
        self, source: int, target: int, size_bytes: int, layer: tuple[int, str], phase: str, cause: int
    ) -> Channel:
        """Return how blocks of a size go from node to node; `layer` is its number in the timeline and its name."""
        number, name = layer
        return Channel(
            source,
            target,
            size_bytes,
            self.hop_ps + link_ps(self.chip, size_bytes),
            number,
            phase,
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

    def _route(self, source: int, target: int) -> tuple[Unit, ...]:
        """Return the links from node to node: first along the row, then along the column."""
        route = self._routes.get((source, target))
        if route is None:
            hops = _hops(self.plan, source, target) if self.chip.stage_engine is None else ()
            route = self._routes[source, target] = tuple(self._link(a, b) for a, b in hops)
        return route

    def _link(self, source: int, target: int) -> Unit:
        link = self._links.get((source, target))
        if link is None:
            link = Unit(self.timekeeper, self._recorder, link_name(source, target), "link")
            self._links[source, target] = link
        return link


def link_name(source: int, target: int) -> str:
    """Return the name of the link between two neighbouring nodes."""
    return f"link {source}->{target}"


def link_count(plan: Plan) -> int:
    """Return how many links the mesh has, used or not: one each way between neighbours."""
    columns, rows = plan.mesh
    return 2 * (rows * (columns - 1) + columns * (rows - 1))


def _hops(plan: Plan, source: int, target: int) -> list[tuple[int, int]]:
    columns = plan.mesh[0]
    (column, row), (to_column, to_row) = plan.position(source), plan.position(target)
    path = [source]
    while column != to_column:
        column += 1 if to_column > column else -1
        path.append(row * columns + column)
    while row != to_row:
        row += 1 if to_row > row else -1
        path.append(row * columns + column)
    return list(pairwise(path))
