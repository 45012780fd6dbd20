"""Chunks between stages: what hands them on, and where they come in.

A stage's outlet is a step of its own behind the steps that make a value or gradient: it hands each chunk on as soon
as it is there. Values first claim the space of their micro-batch at the target, as they do where they go as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from archsim.engine.chunks import Chunks
from archsim.engine.events.sequencer import Sequencer
from archsim.engine.events.step_runs import StepRun, StreamedStepRun
from archsim.engine.events.transport import Channel, Message, Transport
from archsim.engine.program import Edge
from archsim.engine.streams import Stream
from archsim.engine.work import Work

__all__ = [
    "ChunkRoute",
    "GradientOutlet",
    "HandOver",
    "Inlet",
    "Outlet",
    "PositionOutlet",
    "StreamEnds",
    "StreamedValue",
    "ValueOutlet",
]


class Inlet:
    """Where chunks of a value or gradient come in; the steps that take them look what is there of a micro-batch.

    Parameters
    ----------
    chunks : Chunks
        As what it comes.

    Attributes
    ----------
    takers : list of StreamedStepRun
        The steps that take it, in their order.
    """

    __slots__ = ("_there", "_users", "chunks", "takers")

    def __init__(self, chunks: Chunks) -> None:
        self.chunks = chunks
        self.takers: list[StreamedStepRun] = []
        #: Chunks by micro-batch, and by micro-batch the steps that have used them up.
        self._there: dict[int, int] = {}
        self._users: dict[int, int] = {}

    def there(self, micro_batch: int) -> int:
        """Return how many chunks of a micro-batch have come."""
        return self._there.get(micro_batch, 0)

    def take(self, micro_batch: int) -> bool:
        """Take a chunk; return whether it is the first of its micro-batch."""
        have = self._there.get(micro_batch, 0)
        self._there[micro_batch] = have + 1
        return not have

    def tell(self, cause: int) -> None:
        """Let the steps go on; `cause` says what their units were waiting for."""
        for taker in self.takers:
            taker.proceed(cause)

    def used(self, micro_batch: int) -> None:
        """Learn that a step needs no more of a micro-batch; forget it after the last step."""
        users = self._users.pop(micro_batch, 0) + 1
        if users < len(self.takers):
            self._users[micro_batch] = users
        else:
            self._there.pop(micro_batch, None)


@dataclass(frozen=True, slots=True)
class ChunkRoute:
    """The way of chunks from a stage to another.

    Attributes
    ----------
    edge : Edge
        The value; its gradient goes from its target to its source.
    source, target : Sequencer
        The stages: who sends, and who receives.
    transport : Transport
        The links.
    channels : tuple of Channel
        For each chunk, what its messages share.
    inlet : Inlet
        Where they come in.
    cause : int
        What units wait for that need them.
    """

    edge: Edge
    source: Sequencer
    target: Sequencer
    transport: Transport
    channels: tuple[Channel, ...]
    inlet: Inlet
    cause: int


class StreamedValue:
    """The chunks of a value of one micro-batch: space at the target first, then the links, each as it is made."""

    __slots__ = ("_admitted", "_made", "_micro_batch", "_route", "_sent", "_waited")

    def __init__(self, route: ChunkRoute, micro_batch: int) -> None:
        self._route = route
        self._micro_batch = micro_batch
        self._made = self._sent = 0
        self._admitted = self._waited = False

    def claim(self) -> None:
        """Wait for space at the target."""
        self._route.target.admit(self._route.edge, self._micro_batch, self)

    def admitted(self, waited: bool) -> None:
        """Send what has been made, and from now on every chunk at once."""
        self._admitted, self._waited = True, waited
        self._send()

    def made(self) -> None:
        """Learn that the next chunk is made."""
        self._made += 1
        if self._admitted:
            self._send()

    def arrived(self, message: Message) -> None:
        """Hand a chunk over; the first one lets the stage begin."""
        route = self._route
        if route.inlet.take(self._micro_batch):
            route.target.input_arrived(route.edge, self._micro_batch, self._waited)
        route.inlet.tell(route.cause)

    def _send(self) -> None:
        route = self._route
        while self._sent < self._made:
            channel = route.channels[self._sent]
            self._sent += 1
            if self._sent == len(route.channels):
                route.source.value_departed(self._micro_batch)
            route.transport.send(channel, self._micro_batch, self)


class Outlet(Protocol):
    """What sends the chunks of a value or gradient."""

    def hand_on(self, micro_batch: int, chunk: int) -> None:
        """Send a chunk, which is there."""


class ValueOutlet:
    """Sends the chunks of a value forward."""

    __slots__ = ("_route", "_value", "_work")

    def __init__(self, route: ChunkRoute, work: Work) -> None:
        self._route = route
        self._work = work
        self._value: StreamedValue

    def hand_on(self, micro_batch: int, chunk: int) -> None:
        """Send a chunk, or let it wait for space."""
        if not chunk:
            # All numbers of the block were computed with its first chunk.
            self._work.deliver(self._route.edge, micro_batch)
            self._value = StreamedValue(self._route, micro_batch)
            self._value.claim()
        self._value.made()


class GradientOutlet:
    """Sends the chunks of a gradient back; their space was claimed with the value."""

    __slots__ = ("_route", "_work")

    def __init__(self, route: ChunkRoute, work: Work) -> None:
        self._route = route
        self._work = work

    def hand_on(self, micro_batch: int, chunk: int) -> None:
        """Send a chunk."""
        route = self._route
        if not chunk:
            self._work.deliver_gradient(route.edge, micro_batch)
        route.transport.send(route.channels[chunk], micro_batch, self)

    def arrived(self, message: Message) -> None:
        """Hand a chunk over; the first one lets the stage begin."""
        route = self._route
        if route.inlet.take(message.micro_batch):
            route.target.gradient_arrived(route.edge, message.micro_batch)
        route.inlet.tell(route.cause)


class PositionOutlet:
    """Tells a stage that reads the network's input that a position has been generated, so that the next may begin."""

    __slots__ = ("_route",)

    def __init__(self, route: ChunkRoute) -> None:
        self._route = route

    def hand_on(self, micro_batch: int, chunk: int) -> None:
        """Send the token of a position; behind the last one none is needed."""
        route = self._route
        if chunk < len(route.channels):
            route.transport.send(route.channels[chunk], micro_batch, self)

    def arrived(self, message: Message) -> None:
        """Let the next position begin."""
        route = self._route
        route.inlet.take(message.micro_batch)
        route.inlet.tell(route.cause)


class HandOver:
    """The task of a step that hands chunks on: it needs no unit of the stage, and is done at once."""

    __slots__ = ("_chunk", "_outlet", "_step")

    def __init__(self, step: StepRun, outlet: Outlet) -> None:
        self._step = step
        self._outlet = outlet
        self._chunk = 0

    def request(self, cause: int) -> None:
        """Hand the next chunk on."""
        step, chunk = self._step, self._chunk
        self._chunk = 0 if chunk == step.last else chunk + 1
        self._outlet.hand_on(step.action.micro_batch, chunk)
        step.task_done(chunk)


@dataclass(slots=True)
class StreamEnds:
    """What comes in and goes out at a stage in the actions of one kind.

    Attributes
    ----------
    inlets : list of (Stream, Inlet)
        What comes in.
    outlets : list of (Stream, Outlet)
        What goes out.
    """

    inlets: list[tuple[Stream, Inlet]] = field(default_factory=list)
    outlets: list[tuple[Stream, Outlet]] = field(default_factory=list)


#: By the symbol of an action; there is nothing where nothing streams.
Ends = Mapping[str, StreamEnds]
