"""The machine: a chip's units equipped with a plan's programs, ready to run a schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from types import MappingProxyType

from archsim.chip.components import NO_WORK_YET
from archsim.chip.operations import vector_bytes
from archsim.engine.events.accounts import count_operations, unit_times
from archsim.engine.events.activation_transfer import (
    ActivationTransfer,
    GradientTransfer,
    HostFeed,
    HostPort,
    ValueRoute,
)
from archsim.engine.events.chip_model import model_of
from archsim.engine.events.external import Component, SharedKernel, join_components
from archsim.engine.events.kernel import Kernel
from archsim.engine.events.limits import last_moment_ps
from archsim.engine.events.occupancy import Occupancy
from archsim.engine.events.programming import Programmer
from archsim.engine.events.sequencer import Sequencer
from archsim.engine.events.spaces import Space, footprint_bytes, spaces_of
from archsim.engine.events.streaming import (
    ChunkRoute,
    GradientOutlet,
    Inlet,
    PositionOutlet,
    StreamEnds,
    ValueOutlet,
)
from archsim.engine.events.transport import Channel, Transport
from archsim.engine.observer import Account, Observer
from archsim.engine.program import HOST, Edge, StageProgram, edges_between
from archsim.engine.setup import Setup
from archsim.engine.streams import Stream, feedback_of, streams_of
from archsim.engine.work import Work
from archsim.errors import Deadlock
from archsim.results.tally import Tally
from archsim.results.timeline import Timeline
from archsim.schedule.action_kinds import Flow
from archsim.schedule.actions import Action
from archsim.schedule.pipeline_state import PipelineState

__all__ = ["Machine"]

#: Micro-batches that may wait at a stage where the chip has no host port to say so.
_PREFETCH = 2

#: No components from outside.
NONE: Mapping[str, Component] = MappingProxyType({})


class Machine:
    """A chip at work.

    Parameters
    ----------
    setup : Setup
        What is built, and what it does.
    work : Work
        The numbers, or what stands for them.
    timeline : Timeline
        Told of every busy and idle slice.
    observer : Observer
        Told of every ended action.
    components : mapping of str to Component, optional
        Generator processes from outside that join the run, by name.
    """

    __slots__ = (
        "_completion",
        "_gradients",
        "_started_ps",
        "_values",
        "_work",
        "completed",
        "equipment",
        "feeds",
        "fills",
        "kernel",
        "latency_sum_ps",
        "observer",
        "occupancies",
        "programmer",
        "setup",
        "stages",
        "state",
        "timeline",
        "transport",
    )

    def __init__(
        self,
        setup: Setup,
        work: Work,
        timeline: Timeline,
        observer: Observer,
        components: Mapping[str, Component] = NONE,
    ) -> None:
        self.setup = setup
        limit_ps = last_moment_ps(setup)
        self.kernel = SharedKernel(limit_ps, tuple(components)) if components else Kernel(limit_ps)
        self.transport = Transport(setup, self.kernel, timeline)
        self.equipment = model_of(setup.chip)(setup, self.kernel, timeline, self.transport, work)
        self.timeline = timeline
        self.observer = observer
        self._work = work
        #: Of all micro-batches that are done: from the start of their first action to the end of their last.
        self.latency_sum_ps = self.completed = 0
        self._started_ps: dict[int, int] = {}
        self._completion = setup.schedule.completion
        spaces, self.fills = spaces_of(setup, self.kernel)
        self.state = PipelineState(setup.schedule, edges_between(setup.programs, host=True))
        self.stages = [self._stage(program, spaces[program.index]) for program in setup.programs]
        self.occupancies = self._occupied_places()
        streams = tuple(streams_of(setup)) if self.equipment.streams else ()
        ends = self._stream_ends(streams)
        self._feed_back(ends)
        for program, stage in zip(setup.programs, self.stages, strict=True):
            stage.equip(*self.equipment.runs(program, stage, ends[program.index]))
        self.feeds = self._host_feeds()
        # What does not stream goes as a whole when an action ends.
        streamed = {(stream.flow, stream.edge) for stream in streams}
        self._values = [self._outward(stage, streamed) for stage in self.stages]
        self._gradients = [self._inward(stage, streamed) for stage in self.stages]
        self.programmer = self._programmer()
        if self.programmer is None:
            for feed in self.feeds:
                feed.proceed()
        else:
            self.programmer.start(timeline.cause(NO_WORK_YET))
        if isinstance(self.kernel, SharedKernel):
            units = {unit.name: unit for unit in (*self.equipment.units.values(), *self.transport.units)}
            join_components(components, self.kernel, units, timeline)

    @property
    def work(self) -> Work:
        """The numbers, or what stands for them."""
        return self._work

    @property
    def computes(self) -> bool:
        """Whether numbers are computed."""
        return self._work.computes

    def run(self, pause: Callable[[], bool] | None = None) -> bool:
        """Run the schedule to its end, or until it is asked to pause.

        Parameters
        ----------
        pause : callable, optional
            Asked after every event; where it says True, the run stops between two events.

        Returns
        -------
        bool
            Whether the run has come to its end.

        Raises
        ------
        Deadlock
            If actions remain and nothing more will happen.
        RuntimeError
            If buffer space is still claimed at the end.
        """
        if not self.kernel.advance(pause):
            return False
        waiting = [stage for stage in self.stages if stage.state.next is not None]
        if waiting:
            raise Deadlock(self._explain(waiting))
        kept = [f"{stage.space.used} B in {stage.space.name}" for stage in self.stages if stage.space.used]
        if kept:
            raise RuntimeError(f"the run has ended, but space is still claimed: {', '.join(kept)}")
        return True

    def busy_so_far(self) -> dict[str, int]:
        """Return how long each unit in use has worked up to now, its running job included, in picoseconds."""
        now = self.kernel.now
        units = (*self.equipment.units.values(), *self.transport.units)
        running = {unit.name: unit.busy_since for unit in units}
        running |= {f"stage {stage.index}": stage.busy_since for stage in self.stages}
        return {
            unit.name: self.timeline.busy_ps(number)
            + (now - since if (since := running.get(unit.name)) is not None else 0)
            for number, unit in enumerate(self.timeline.units)
        }

    def input_taken(self, stage: int) -> None:
        """Let the host bring another micro-batch."""
        if stage == 0:
            self._started_ps[self.stages[stage].action.micro_batch] = self.kernel.now
        for feed in self.feeds:
            if feed.stage == stage:
                feed.input_taken()

    def send_values(self, stage: int, micro_batch: int) -> None:
        """Send a stage's values to the stages that need them."""
        for route in self._values[stage]:
            self._work.deliver(route.edge, micro_batch)
            ActivationTransfer(route, micro_batch).depart()

    def send_gradients(self, stage: int, micro_batch: int) -> None:
        """Send gradients back to the stages whose values were used."""
        for edge, channel, transfer in self._gradients[stage]:
            self._work.deliver_gradient(edge, micro_batch)
            self.transport.send(channel, micro_batch, transfer)

    def action_ended(self, stage: int, action: Action) -> None:
        """Pass it on to the observer, and note how long the micro-batches took that are done with it."""
        if stage == self._completion[0] and action.kind == self._completion[1]:
            for micro_batch in action.micro_batches:
                self.latency_sum_ps += self.kernel.now - self._started_ps.pop(micro_batch)
                self.completed += 1
        self.observer.action_ended(stage, action, self.kernel.now, self._events, self._account)

    def turn_passed(self, stage: int) -> None:
        """Let a stage begin its next action, if nothing else is missing."""
        self.stages[stage].take_turn()

    def _events(self) -> int:
        return self.kernel.events

    def _account(self) -> Account:
        tally = Tally.of(count_operations(self).counts, unit_times(self))
        return tally.energy_pj(self.setup.chip), tally

    def _stage(self, program: StageProgram, space: Space) -> Sequencer:
        return Sequencer(
            program,
            self.setup.schedule,
            self.state.stages[program.index],
            self._work,
            space,
            footprint_bytes(self.setup.chip, program, self.setup.samples),
            self.kernel,
            self.timeline,
            self,
        )

    def _occupied_places(self) -> list[Occupancy | None]:
        """Have the stages of shared places tell when they act; a stage alone knows it by itself."""
        found: list[Occupancy | None] = []
        for place in self.setup.plan.places:
            occupancy = Occupancy(self.kernel) if len(place.stages) > 1 else None
            for stage in place.stages:
                self.stages[stage].place = occupancy
            found.append(occupancy)
        return found

    def _programmer(self) -> Programmer | None:
        """Have the initial weights written first, where that is asked for and takes time on this chip."""
        setup, host = self.setup, self.equipment.host
        if setup.programming is None or host is None:
            return None
        programmer = Programmer(setup.programming, setup.chip, self.feeds)
        # Once, however many kinds of action read a part forward.
        parts = {(task.step.matrix, task.unit.name): task for task in self.equipment.parts if task.phase == "F"}
        for (matrix, _), task in parts.items():
            if matrix in setup.programming:
                programmer.write(task.unit, task.layer, matrix, task.part)
        programmer.deliver(host, self.timeline.layer(""))
        return programmer

    def _host_feeds(self) -> list[HostFeed]:
        host = self.setup.chip.host
        prefetch = host.prefetch if host else _PREFETCH
        port = HostPort(self.setup.chip, self.setup.schedule, prefetch, self.equipment.host)
        return [
            self._host_feed(port, stage, edge)
            for stage in self.stages
            for edge in stage.program.imports
            if edge.source == HOST
        ]

    def _host_feed(self, port: HostPort, stage: Sequencer, edge: Edge) -> HostFeed:
        recorder, home = self.timeline, self.setup.home
        layer, demand = (recorder.layer(edge.name), edge.name), recorder.cause(f"demand of stage {stage.index}")
        nodes, size = (home(0), home(stage.index)), self._edge_bytes(edge)
        channel = self.transport.channel(nodes, size, layer, "F", stage.index, demand)
        full = recorder.cause(f"space in {stage.space.name}")
        return HostFeed(stage, edge, port, self.transport, channel, full)

    def _stream_ends(self, streams: tuple[Stream, ...]) -> list[dict[str, StreamEnds]]:
        """Connect what streams: an outlet at one stage, an inlet at the other."""
        ends: list[dict[str, StreamEnds]] = [
            {symbol: StreamEnds() for symbol in program.actions} for program in self.setup.programs
        ]
        for stream in streams:
            inlet, phase = Inlet(stream.chunks), "F" if stream.flow == "values" else "B"
            size = self._edge_bytes(stream.edge)
            of_size = {
                share: self._channel(stream.edge, stream.source, stream.target, share, phase)
                for share in {stream.chunks.share(size, chunk) for chunk in range(stream.chunks.count)}
            }
            route = ChunkRoute(
                stream.edge,
                self.stages[stream.source],
                self.stages[stream.target],
                self.transport,
                tuple(of_size[stream.chunks.share(size, chunk)] for chunk in range(stream.chunks.count)),
                inlet,
                self.timeline.cause(stream.giver),
            )
            outlet = (ValueOutlet if stream.flow == "values" else GradientOutlet)(route, self._work)
            ends[stream.source][stream.sending].outlets.append((stream, outlet))
            ends[stream.target][stream.awaiting].inlets.append((stream, inlet))
        return ends

    def _feed_back(self, ends: list[dict[str, StreamEnds]]) -> None:
        """Connect the end of the network with its beginning, where positions are generated."""
        for stream in feedback_of(self.setup):
            inlet, token = Inlet(stream.chunks), vector_bytes(self.setup.chip, 1) * self.setup.samples
            channel = self._channel(stream.edge, stream.source, stream.target, token, "F")
            route = ChunkRoute(
                stream.edge,
                self.stages[stream.source],
                self.stages[stream.target],
                self.transport,
                (channel,) * (stream.chunks.count - 1),
                inlet,
                self.timeline.cause(stream.giver),
            )
            ends[stream.source][stream.sending].outlets.append((stream, PositionOutlet(route)))
            ends[stream.target][stream.awaiting].inlets.append((stream, inlet))

    def _outward(self, stage: Sequencer, streamed: Set[tuple[Flow, Edge]]) -> list[ValueRoute]:
        return [
            ValueRoute(
                edge,
                stage,
                self.stages[edge.target],
                self.transport,
                self._channel(edge, stage.index, edge.target, self._edge_bytes(edge), "F"),
            )
            for edge in stage.program.exports
            if ("values", edge) not in streamed
        ]

    def _inward(
        self, stage: Sequencer, streamed: Set[tuple[Flow, Edge]]
    ) -> list[tuple[Edge, Channel, GradientTransfer]]:
        return [
            (
                edge,
                self._channel(edge, stage.index, edge.source, self._edge_bytes(edge) if edge.gradient else 0, "B"),
                GradientTransfer(edge, self.stages[edge.source]),
            )
            for edge in stage.program.imports
            if edge.source != HOST and ("gradients", edge) not in streamed
        ]

    def _channel(self, edge: Edge, source: int, target: int, size_bytes: int, phase: str) -> Channel:
        home, layer = self.setup.home, (self.timeline.layer(edge.name), edge.name)
        cause = self.timeline.cause(f"input from stage {source}")
        nodes = (home(source), home(target))
        return self.transport.channel(nodes, size_bytes, layer, phase, source, cause)

    def _edge_bytes(self, edge: Edge) -> int:
        return vector_bytes(self.setup.chip, edge.elements) * self.setup.samples

    def _explain(self, waiting: list[Sequencer]) -> str:
        lines = ["the run cannot finish: actions remain, but nothing more will happen"]
        for stage in waiting:
            action = stage.state.next
            if action is None:
                continue
            space, missing = stage.space, self.state.missing(stage.index, action)
            line = f"  stage {stage.index} waits to do {action}, for {missing or 'a task of its own'}"
            if space.waiting:
                line += (
                    f"; {space.waiting} inputs wait for space in {space.name} "
                    f"({space.whole.used} of {space.capacity} bytes used, {stage.footprint} needed)"
                )
            lines.append(line)
        return "\n".join(lines)
