"""The machine: a chip's units equipped with a plan's programs, ready to run a schedule."""

from __future__ import annotations

from collections.abc import Callable

from archsim.chip.components import BufferSpace, Unit
from archsim.chip.operations import vector_bytes
from archsim.chip.specification import Chip
from archsim.engine.equipment import Equipment
from archsim.engine.handover import GradientHandover, HostFeed, ValueHandover
from archsim.engine.kernel import Kernel
from archsim.engine.program import HOST, Edge, StageProgram
from archsim.engine.sequencer import Sequencer
from archsim.engine.transport import Transport
from archsim.engine.work import Work
from archsim.errors import Deadlock
from archsim.mapping.plan import Plan
from archsim.results.timeline import Timeline
from archsim.schedule.actions import Action, Schedule

__all__ = ["Machine", "footprint_bytes"]

#: Micro-batches that may wait at a stage where the chip has no host port to say so.
_PREFETCH = 2


def footprint_bytes(chip: Chip, program: StageProgram, vectors: int) -> int:
    """Return the bytes that one micro-batch takes at a stage, from its arrival to the end of its update."""
    return vector_bytes(chip, program.stored_elements) * vectors


class Machine:
    """A chip at work.

    Parameters
    ----------
    chip, plan, programs, schedule
        What is built, where everything lies, what each stage does, and in which order.
    vectors : int
        Samples of a micro-batch.
    work : Work
        The numbers, or what stands for them.
    timeline : Timeline
        Told of every busy and idle slice.
    action_ended : callable
        ``action_ended(stage, action)`` is called when an action has ended.
    """

    def __init__(
        self,
        chip: Chip,
        plan: Plan,
        programs: tuple[StageProgram, ...],
        schedule: Schedule,
        vectors: int,
        work: Work,
        timeline: Timeline,
        action_ended: Callable[[int, Action], None],
    ) -> None:
        self.kernel = Kernel()
        self.transport = Transport(chip, plan, self.kernel, timeline)
        self.equipment = Equipment(chip, plan, vectors, self.kernel, timeline, self.transport, work)
        self._chip = chip
        self._plan = plan
        self._schedule = schedule
        self._vectors = vectors
        self._work = work
        self._timeline = timeline
        self._action_ended = action_ended
        self.stages = [self._stage(program) for program in programs]
        for program, stage in zip(programs, self.stages, strict=True):
            stage.equip(self.equipment.tasks(program, stage))
        self.feeds = self._host_feeds()
        self._causes = [timeline.cause(f"input from stage {stage.index}") for stage in self.stages]

    def run(self) -> None:
        """Run the schedule to its end.

        Raises
        ------
        Deadlock
            If actions remain and nothing more will happen.
        """
        for feed in self.feeds:
            feed.proceed()
        self.kernel.run()
        waiting = [stage for stage in self.stages if stage.next is not None]
        if waiting:
            raise Deadlock(self._explain(waiting))

    def busy_so_far(self) -> dict[str, int]:
        """Return how long each unit in use has worked up to now, its running job included, in picoseconds."""
        now = self.kernel.now
        running = {unit.name: unit.busy_since for unit in self.equipment.units.values()}
        running |= {unit.name: unit.busy_since for unit in self.transport.units}
        running |= {f"stage {stage.index}": stage.busy_since for stage in self.stages}
        return {
            unit.name: self._timeline.busy_ps(number)
            + (now - since if (since := running.get(unit.name)) is not None else 0)
            for number, unit in enumerate(self._timeline.units)
        }

    def forward_started(self, stage: int) -> None:
        """Let the host bring another micro-batch."""
        for feed in self.feeds:
            if feed.stage == stage:
                feed.forward_started()

    def send_values(self, stage: int, micro_batch: int) -> None:
        """Send a stage's values to the stages that need them."""
        for edge in self.stages[stage].program.exports:
            self._work.deliver(edge, micro_batch)
            nodes = (self._home(stage), self._home(edge.target))
            target = self.stages[edge.target]
            ValueHandover(
                edge,
                micro_batch,
                target,
                self.transport,
                nodes,
                self._edge_bytes(edge),
                self._layer(edge),
                self._causes[stage],
            ).depart()

    def send_gradients(self, stage: int, micro_batch: int) -> None:
        """Send gradients back to the stages whose values were used."""
        for edge in self.stages[stage].program.imports:
            if edge.source == HOST:
                continue
            self._work.deliver_gradient(edge, micro_batch)
            self.transport.send(
                self._home(stage),
                self._home(edge.source),
                self._edge_bytes(edge) if edge.gradient else 0,
                self._layer(edge),
                "B",
                micro_batch,
                self._causes[stage],
                GradientHandover(edge, self.stages[edge.source]),
            )

    def action_ended(self, stage: int, action: Action) -> None:
        """Pass it on to whoever watches the run."""
        self._action_ended(stage, action)

    def _stage(self, program: StageProgram) -> Sequencer:
        home = self._home(program.index)
        capacity = self._chip.buffer.capacity if self._chip.buffer and self._chip.stage_engine is None else None
        return Sequencer(
            program,
            self._schedule.stage(program.index),
            self._work,
            BufferSpace(f"buffer {home}", capacity),
            footprint_bytes(self._chip, program, self._vectors),
            self.kernel,
            self._timeline,
            self,
        )

    def _host_feeds(self) -> list[HostFeed]:
        host = self._chip.host if self._chip.stage_engine is None else None
        unit = Unit(self.kernel, self._timeline, "host", "host") if host else None
        if unit:
            self.equipment.units[unit.name] = unit
        return [
            HostFeed(
                edge,
                stage,
                self._schedule.shape.total,
                host.prefetch if host else _PREFETCH,
                unit,
                self._chip,
                self.transport,
                (self._home(0), self._home(stage.index)),
                self._edge_bytes(edge),
                self._timeline,
            )
            for stage in self.stages
            for edge in stage.program.imports
            if edge.source == HOST
        ]

    def _home(self, stage: int) -> int:
        return self._plan.stages[stage].home

    def _layer(self, edge: Edge) -> tuple[int, str]:
        return self._timeline.layer(edge.name), edge.name

    def _edge_bytes(self, edge: Edge) -> int:
        return vector_bytes(self._chip, edge.elements) * self._vectors

    def _explain(self, waiting: list[Sequencer]) -> str:
        lines = ["the run cannot finish: actions remain, but nothing more will happen"]
        for stage in waiting:
            action = stage.next
            if action is None:
                continue
            space = stage.space
            line = f"  stage {stage.index} waits to do {action}, for {stage.missing(action) or 'a task of its own'}"
            if space.waiting:
                line += (
                    f"; {space.waiting} inputs wait for space in {space.name} "
                    f"({space.used} of {space.capacity} bytes used, {stage.footprint} needed)"
                )
            lines.append(line)
        return "\n".join(lines)
