"""Equips stages: makes the chip's units that a plan uses, and the tasks that steps ask of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from archsim.chip.area import Built
from archsim.chip.components import Unit
from archsim.chip.operations import parameter_bytes, vector_bytes
from archsim.chip.specification import Chip
from archsim.engine.chunks import chunks_of
from archsim.engine.dependencies import Dependency
from archsim.engine.events.accounts import array_count
from archsim.engine.events.copying import (
    AlternatingGrid,
    AlternatingTask,
    CopyMessages,
    CopyOperations,
    CopyTraffic,
    LineCopies,
    LineReads,
)
from archsim.engine.events.equipment import Equipment
from archsim.engine.events.nmpu_tasks import DigitalTask, ProductTask
from archsim.engine.events.part_tasks import Grid, PartTask, RemotePartTask, RoundTrip
from archsim.engine.events.port_tasks import PortBytes, PortTask, RecallTask
from archsim.engine.events.rewriting import RewriteTask, WeightDelivery, WriteTask
from archsim.engine.events.sequencer import ActionRun, Sequencer
from archsim.engine.events.step_runs import StepRun, StreamedStepRun, Turns
from archsim.engine.events.streaming import Ends, HandOver, Inlet, Outlet, StreamEnds
from archsim.engine.events.tasks import Task
from archsim.engine.events.transfers import TransferMemoryTask, TransferOperationsTask
from archsim.engine.program import ActionProgram, StageProgram
from archsim.engine.setup import Setup
from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep, Step, TransferStep, UnitWork, WriteStep
from archsim.engine.streams import Stream
from archsim.mapping.plan import Part
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["EquipmentOfUnits"]


class EquipmentOfUnits(Equipment):
    """The tiles, digital units and ports of a chip, and the tasks that steps ask of them."""

    __slots__ = ()

    streams: ClassVar[bool] = True

    @staticmethod
    def built(setup: Setup) -> Built:
        """Return how many tiles, nodes and arrays of devices the chip has, used or not."""
        return Built(setup.plan.tiles, setup.plan.nodes, array_count(setup))

    @staticmethod
    def unit_counts(setup: Setup) -> dict[str, int]:
        """Return how many units of each component the chip has, used or not."""
        plan, links = setup.plan, setup.interconnect.links
        return {"tile": plan.tiles, "nmpu": plan.nodes, "buffer": plan.nodes, "link": links, "host": 1}

    @staticmethod
    def stage_cycles(chip: Chip) -> None:
        """Return that no time of a whole action is stated."""

    @staticmethod
    def times_ps(chip: Chip) -> dict[str, int]:
        """Return the times that durations are made of, by dotted name below ``chip``; of a clock, its period."""
        times = {f"tile.{name}": getattr(chip.tile, name).value for name in ("integration_time", "update_fixed_time")}
        times["tile.pulse_time"] = chip.tile.phases * chip.tile.pulse_time.value
        steps = {"dac": 2 ** ((chip.dac.bits or 1) - 1), "adc": 2 ** (chip.adc.bits or 0)}
        for name, converter in (("dac", chip.dac), ("adc", chip.adc)):
            times[f"{name}.fixed_time"] = converter.fixed_time.value
            times[f"{name}.step_time"] = converter.step_time.value * steps[name]
        for name in ("nmpu", "buffer", "interconnect", "host"):
            part = getattr(chip, name)
            if part is not None:
                times[f"{name}.clock"] = part.clock.cycles(1)
        return times

    @property
    def _settings(self) -> ScheduleSpecification:
        """What is said of the schedule: what may overlap, and how blocks are cut."""
        return self._setup.schedule.settings

    def _unit_of_place(self, component: str, stage: Sequencer) -> Unit:
        """Return a unit that the stages of a place share."""
        place = self._setup.plan.place_of(stage.index)
        return self.unit(component, place.home, stage.index if len(place.stages) == 1 else None)

    def runs(
        self, program: StageProgram, stage: Sequencer, ends: Ends
    ) -> tuple[dict[str, ActionRun], tuple[Turns, ...]]:
        """Return what a stage does in each kind of action, and the layers that need not wait for each other."""
        turns = self._turns(program, stage) if self._settings.overlap != "none" else {}
        runs = {
            symbol: self._graph(action, stage, turns, ends.get(symbol, StreamEnds()))
            for symbol, action in program.actions.items()
        }
        return runs, tuple(turns.values())

    def _turns(self, program: StageProgram, stage: Sequencer) -> dict[str, Turns]:
        layers = {
            layer: None for action in program.actions.values() for step in action.layers for layer in sorted(step)
        }
        return {
            layer: Turns(
                stage,
                layer,
                {symbol: sum(layer in step for step in action.layers) for symbol, action in program.actions.items()},
                self._timeline.cause(f"earlier work of {layer}"),
            )
            for layer in layers
        }

    def _graph(
        self, action: ActionProgram, stage: Sequencer, turns: Mapping[str, Turns], ends: StreamEnds
    ) -> ActionRun:
        """Make the steps of an action, and connect them: with each other, and with what comes in and goes out."""
        runs: list[StepRun] = []
        size = self._settings.chunk_vectors
        streams = bool(turns) or size is not None or self._settings.positions != "together"
        for number, (step, needed, layers) in enumerate(
            zip(action.steps, action.dependencies, action.layers, strict=True)
        ):
            inlets = [(stream, inlet) for stream, inlet in ends.inlets if number in stream.takers]
            cause = self._timeline.cause(self._awaited(action, needed, inlets, stage))
            chunks = chunks_of(step, self._setup.samples, size)
            if streams:
                needs = tuple(chunks.needs(runs[n.step].chunks, by_vector=n.by_vector) for n in needed)
                of_step = tuple(turns[layer] for layer in turns if layer in layers)
                sources = [(inlet, stream.needs(chunks)) for stream, inlet in inlets]
                run: StepRun
                run = streamed = StreamedStepRun(stage, chunks, needs, of_step, cause, sources)
                for _, inlet in inlets:
                    inlet.takers.append(streamed)
            else:
                run = StepRun(stage, chunks, len(needed), cause)
            for which, dependency in enumerate(needed):
                runs[dependency.step].followers.append((run, which))
            self._equip(run, step, stage)
            runs.append(run)
        first = tuple(run for run, needed in zip(runs, action.dependencies, strict=True) if not needed)
        runs += [self._handing_on(stream, outlet, runs, stage) for stream, outlet in ends.outlets]
        return ActionRun(first, sum(not run.followers for run in runs))

    def _handing_on(self, stream: Stream, outlet: Outlet, runs: list[StepRun], stage: Sequencer) -> StepRun:
        """Make the step that hands on what other steps give: in the chunks of the last, whole samples of the others."""
        *others, last = stream.givers
        needs = [stream.chunks.needs(runs[number].chunks, by_vector=False) for number in others]
        needs.append(stream.chunks.needs(stream.chunks, by_vector=True))
        cause = self._timeline.cause(f"input from stage {stage.index}")
        run = StreamedStepRun(stage, stream.chunks, tuple(needs), (), cause)
        for which, number in enumerate((*others, last)):
            runs[number].followers.append((run, which))
        run.tasks = (HandOver(run, outlet),)
        return run

    def _awaited(
        self,
        action: ActionProgram,
        needed: tuple[Dependency, ...],
        inlets: list[tuple[Stream, Inlet]],
        stage: Sequencer,
    ) -> str:
        """Return what a step waits for, as the cause of its units' waiting."""
        if inlets and not needed:
            return inlets[0][0].giver
        return f"input from {self._giver(action, needed, stage)}"

    def _giver(self, action: ActionProgram, needed: tuple[Dependency, ...], stage: Sequencer) -> str:
        """Return the name of the unit, or the stage, that a step waits for."""
        if not needed:
            return f"stage {stage.index}"
        step = action.steps[needed[-1].step]
        if isinstance(step, (MatrixStep, WriteStep, CopyStep)) and step.placement.parts:
            return f"tile {' or '.join(str(held[0].tile) for held in step.placement.sets)}"
        return f"nmpu {self._home(stage)}"

    def _equip(self, run: StepRun, step: Step, stage: Sequencer) -> None:
        """Make the tasks of a step."""
        if isinstance(step, MatrixStep):
            run.tasks, run.grid = self._matrix(step, stage, run)
        elif isinstance(step, TransferStep):
            run.tasks = self._transfer(step, stage, run)
        elif isinstance(step, WriteStep):
            run.tasks = self._write(step, stage, run)
        elif isinstance(step, CopyStep):
            run.tasks = self._copy(step, stage, run)
        else:
            run.tasks = self._digital(step, stage, run)

    def _matrix(
        self, step: MatrixStep, stage: Sequencer, run: StepRun
    ) -> tuple[tuple[Task, ...], Grid | AlternatingGrid | None]:
        layer = self._timeline.layer(step.matrix)
        if step.unit_work is not None:
            return self._product(step, step.unit_work, layer, stage, run), None
        parts, grid = self._parts(step, layer, stage, run)
        if not step.elements:
            return parts, grid
        read = PortBytes(self._vector_bytes(step.elements))
        return (*parts, self._port(run, stage, layer, (step.matrix, step.phase), "read_byte", read)), grid

    def _parts(
        self, step: MatrixStep, layer: int, stage: Sequencer, run: StepRun
    ) -> tuple[tuple[Task, ...], Grid | AlternatingGrid | None]:
        """Make the tasks of the parts of a matrix, on each set of crossbars that holds it."""
        sets: list[list[PartTask]] = []
        grids: list[Grid] = []
        for held in step.placement.sets:
            parts = [self._part(step, index, part, layer, stage, run) for index, part in enumerate(held)]
            self.parts += parts
            sets.append(parts)
            at_home = tuple(part for part in parts if not isinstance(part, RemotePartTask))
            grids.append(Grid(step, at_home, self._work))
        several = len(step.placement.parts) > 1
        if len(sets) == 1:
            return tuple(sets[0]), grids[0] if several and grids[0].shares else None
        schedule = self._setup.schedule
        tasks = tuple(AlternatingTask(run, tasks, schedule) for tasks in zip(*sets, strict=True))
        return tasks, AlternatingGrid(grids, schedule) if several else None

    def _product(
        self, step: MatrixStep, work: UnitWork, layer: int, stage: Sequencer, run: StepRun
    ) -> tuple[Task, ...]:
        """Make the tasks of a matrix that the digital unit holds: its products, and weights at the buffer's port."""
        chip, booked = self._setup.chip, (step.matrix, step.phase)
        task = ProductTask(run, self._unit_of_place("nmpu", stage), layer, step, work, self._setup, self._work)
        self.digital.append(task)
        self.products.append(task)
        traffic = {
            "read_byte": PortBytes(
                self._vector_bytes(step.elements),
                parameter_bytes(chip, work.read),
                parameter_bytes(chip, work.closing_read),
            ),
            "write_byte": PortBytes(
                0, parameter_bytes(chip, work.written), parameter_bytes(chip, work.closing_written)
            ),
        }
        ports = [
            self._port(run, stage, layer, booked, operation, sizes)
            for operation, sizes in traffic.items()
            if any(sizes)
        ]
        return task, *ports

    def _part(self, step: MatrixStep, index: int, part: Part, layer: int, stage: Sequencer, run: StepRun) -> PartTask:
        unit = self.unit("tile", part.tile, stage.index)
        node, home = part.tile // self._setup.plan.node_tiles, self._home(stage)
        # What a transfer moves stays on its tile.
        if node == home or step.phase == "T":
            return PartTask(run, unit, layer, step, index, self._setup, self._work)
        cause = self._timeline.cause(f"input from stage {stage.index}")
        trip = RoundTrip(self._transport, home, node, *self._remote_bytes(step, part), cause)
        return RemotePartTask(run, unit, layer, step, index, self._setup, self._work, trip)

    def _remote_bytes(self, step: MatrixStep, part: Part) -> tuple[int, int]:
        """Return the bytes of a micro-batch that a remote part is sent, and gives back."""
        sent, given = {
            "F": (part.rows, part.columns),
            "B": (part.columns, part.rows),
            "U": (part.rows + part.columns, 0),
        }[step.phase]
        return (
            vector_bytes(self._setup.chip, sent) * self._setup.samples * step.vectors,
            vector_bytes(self._setup.chip, given) * self._setup.samples * step.vectors,
        )

    def _digital(self, step: DigitalStep, stage: Sequencer, run: StepRun) -> tuple[Task, ...]:
        layer = self._timeline.layer(step.layer)
        unit = self._unit_of_place("nmpu", stage)
        task = DigitalTask(run, unit, layer, step, self._setup, self._work)
        self.digital.append(task)
        tasks: list[Task] = [task]
        if step.elements:
            written = PortBytes(self._vector_bytes(step.elements))
            tasks.append(self._port(run, stage, layer, (step.layer, step.phase), "write_byte", written))
        if any(step.recalled):
            tasks.append(self._recall(run, stage, layer, step))
        return tuple(tasks)

    def _transfer(self, step: TransferStep, stage: Sequencer, run: StepRun) -> tuple[Task, ...]:
        layer, chip = self._timeline.layer(step.matrix), self._setup.chip
        parts = tuple(part for part in self.parts if part.phase == step.phase and part.step.matrix == step.matrix)
        nmpu, buffer = self._unit_of_place("nmpu", stage), self._unit_of_place("buffer", stage)
        operations = TransferOperationsTask(run, nmpu, layer, step, parts, chip)
        memory = TransferMemoryTask(run, buffer, layer, step, parts, chip)
        self.transfers.append((operations, memory))
        return operations, memory

    def _write(self, step: WriteStep, stage: Sequencer, run: StepRun) -> tuple[Task, ...]:
        layer, chip, parts = self._timeline.layer(step.matrix), self._setup.chip, step.placement.parts
        write = self._setup.rewriting[step.matrix]
        tasks: list[RewriteTask] = [
            WriteTask(run, self.unit("tile", part.tile, stage.index), layer, step.matrix, part, write, chip)
            for part in parts
        ]
        if self.host is not None:
            tasks.append(WeightDelivery(run, self.host, layer, step.matrix, parts, chip))
        self.rewrites += tasks
        return tuple(tasks)

    def _copy(self, step: CopyStep, stage: Sequencer, run: StepRun) -> tuple[Task, ...]:
        """Make the tasks of a copy: each set of crossbars is read for the other one, and written from it."""
        layer, chip = self._timeline.layer(step.matrix), self._setup.chip
        line_copy, schedule = self._setup.copying[step.matrix], self._setup.schedule
        tasks: list[Task] = []
        for index, held in enumerate(zip(*step.placement.sets, strict=True)):
            units = [self.unit("tile", part.tile, stage.index) for part in held]
            reads = [LineReads(run, unit, layer, step.matrix, held[0], line_copy, chip) for unit in units]
            writes = [LineCopies(run, unit, layer, step, index, line_copy, chip, self._work) for unit in units]
            self.rewrites += [*reads, *writes]
            # The newest version lies on the set that the mini-batch does not use.
            tasks += [AlternatingTask(run, reads[::-1], schedule), AlternatingTask(run, writes, schedule)]
            tasks += self._copy_messages(step, index, layer, stage, run)
        cells = sum(line_copy.cells(part) for part in step.placement.parts)
        unit, port = (self._unit_of_place(component, stage) for component in ("nmpu", "buffer"))
        digital = CopyOperations(run, unit, layer, step.matrix, cells, chip)
        traffic = CopyTraffic(run, port, layer, step.matrix, cells, chip)
        self.rewrites += [digital, traffic]
        return (*tasks, digital, traffic)

    def _copy_messages(
        self, step: CopyStep, index: int, layer: int, stage: Sequencer, run: StepRun
    ) -> list[AlternatingTask]:
        """Return what sends the lines of a part on their way, where not both of its tiles are at home."""
        home, node_tiles = self._home(stage), self._setup.plan.node_tiles
        nodes = [held[index].tile // node_tiles for held in step.placement.sets]
        if all(node == home for node in nodes):
            return []
        part = step.placement.parts[index]
        size = vector_bytes(self._setup.chip, self._setup.copying[step.matrix].cells(part))
        cause = self._timeline.cause(f"input from stage {stage.index}")
        ways = [((source, home), (home, target)) for source, target in (nodes[::-1], nodes)]
        messages = [
            CopyMessages(
                run,
                self._transport,
                [
                    self._transport.channel(way, size, (layer, step.matrix), "C", stage.index, cause)
                    for way in both
                    if way[0] != way[1]
                ],
            )
            for both in ways
        ]
        return [AlternatingTask(run, messages, self._setup.schedule)]

    def _vector_bytes(self, elements: int) -> int:
        """Return the bytes of a micro-batch that has so many numbers a sample."""
        return vector_bytes(self._setup.chip, elements) * self._setup.samples

    def _port(
        self,
        run: StepRun,
        stage: Sequencer,
        layer: int,
        booked: tuple[str, str],
        operation: str,
        sizes: PortBytes,
    ) -> PortTask:
        unit = self._unit_of_place("buffer", stage)
        task = PortTask(run, unit, layer, booked, operation, sizes, self._setup)
        self.ports.append(task)
        return task

    def _recall(self, run: StepRun, stage: Sequencer, layer: int, step: DigitalStep) -> RecallTask:
        chip, samples = self._setup.chip, self._setup.samples
        sizes = tuple(vector_bytes(chip, elements) * samples for elements in step.recalled)
        booked = step.layer, step.phase
        task = RecallTask(run, self._unit_of_place("buffer", stage), layer, booked, sizes, self._setup)
        self.ports.append(task)
        return task

    def _home(self, stage: Sequencer) -> int:
        return self._setup.home(stage.index)
