"""Makes the programs of stages: from the layers of each, the steps of every kind of action, and what waits for what."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from archsim.analog.observed import ExpectedUpdate
from archsim.digital.descent import PLAIN, DescentRule
from archsim.engine.dependencies import dependencies, flows_of, homes_of, layers_of
from archsim.engine.digital_jobs import DigitalJob, continued
from archsim.engine.positions import nodes_in_turn
from archsim.engine.program import ActionProgram, Edge, StageProgram
from archsim.engine.step_costs import (
    advance_cost,
    clipping_cost,
    closing_operations,
    collect_cost,
    operator_cost,
    prepare_cost,
    read_work,
    update_work,
)
from archsim.engine.steps import CopyStep, DigitalStep, MatrixStep, Phase, Step, TransferStep, WriteStep
from archsim.engine.stored_elements import (
    accumulator_elements,
    carried_elements,
    held_elements,
    left_by_step,
    stored_activations,
    stored_block_elements,
    stored_errors,
)
from archsim.errors import ArchsimError
from archsim.mapping.plan import Plan, StagePlan
from archsim.network.graph import INPUT, Graph, Matrix, Node
from archsim.network.losses import load_loss
from archsim.network.operators import (
    DigitalOperator,
    OperatorCost,
    checked_cost,
    load_operator,
)
from archsim.network.operators.recurrent import recurrent_operator, time_steps
from archsim.schedule.actions import Schedule
from archsim.schedule.state import HOST

__all__ = ["build_programs"]

#: For each matrix, what its parts take for each vector.
Updates = Mapping[str, tuple[ExpectedUpdate, ...]]


def build_programs(
    graph: Graph, plan: Plan, updates: Updates, schedule: Schedule, rule: DescentRule = PLAIN
) -> tuple[StageProgram, ...]:
    """Return the program of every stage of a plan.

    Parameters
    ----------
    graph, plan
        What is computed, and where.
    updates : mapping of str to tuple of ExpectedUpdate
        What the training algorithm of each matrix takes.
    schedule : Schedule
        What is done: where no action sends gradients, there is no loss, and nothing is stored for gradients; where
        layers overlap, they are updated side by side, else one after the other.
    rule : DescentRule
        How digital numbers descend, and what the digital unit does to errors before an update.
    """
    edges = _edges(graph, plan, schedule.returns_gradients)
    return tuple(_StageBuilder(graph, stage, edges, updates, schedule, rule).build() for stage in plan.stages)


def _edges(graph: Graph, plan: Plan, trains: bool) -> tuple[Edge, ...]:
    stage_of = {name: stage.index for stage in plan.stages for name in stage.operators}
    stage_of[INPUT] = HOST
    found: dict[tuple[str, int], Edge] = {}
    for node in graph.nodes:
        target = stage_of[node.name]
        for name in node.inputs:
            if stage_of[name] != target:
                size = math.prod(graph.shape_of(name))
                edge = Edge(name, stage_of[name], target, size, trains and name in graph.needs_gradient)
                found.setdefault((name, target), edge)
    return tuple(found.values())


class _StageBuilder:
    """Makes the program of a stage; the steps that a kind of action may ask for are its public methods."""

    def __init__(
        self,
        graph: Graph,
        stage: StagePlan,
        edges: Iterable[Edge],
        updates: Updates,
        schedule: Schedule,
        rule: DescentRule,
    ) -> None:
        self.graph = graph
        self.schedule = schedule
        self.trains = schedule.returns_gradients
        self.transfers_apart = schedule.transfers_apart
        self.updates = updates
        self.rule = rule
        self.stage = stage
        self.nodes = [graph[name] for name in stage.operators]
        self.in_turn = nodes_in_turn(graph, schedule.settings.positions)
        self.placements = {placement.matrix: placement for placement in stage.placements}
        self.imports = tuple(edge for edge in edges if edge.target == stage.index)
        self.exports = tuple(edge for edge in edges if edge.source == stage.index)

    def build(self) -> StageProgram:
        actions = {symbol: self._steps(symbol, kind.steps) for symbol, kind in self.schedule.kinds.items()}
        in_turn = self.schedule.settings.overlap == "none"
        homes = homes_of(step for steps in actions.values() for step in steps)
        return StageProgram(
            self.stage.index,
            {
                symbol: ActionProgram(
                    steps,
                    dependencies(steps, self.graph, updates_in_turn=in_turn),
                    tuple(layers_of(step, self.graph, homes) for step in steps),
                    *flows_of(steps, self.graph),
                )
                for symbol, steps in actions.items()
            },
            self.imports,
            self.exports,
            stored_activations(self.nodes, self.imports, trains=self.trains),
            stored_errors(self.nodes, self.exports, trains=self.trains),
            stored_block_elements(self.nodes, trains=self.trains),
            self.schedule.weight_sets * held_elements(self.nodes, self.rule, trains=self.trains),
            self._accumulator_elements(),
            carried_elements(self.nodes),
        )

    def _accumulator_elements(self) -> int:
        if not self.schedule.trains:
            return 0
        together = self.schedule.update != "immediate" and (self.rule.accumulates or self.schedule.updates_together)
        return accumulator_elements(self.nodes, self.updates, self.rule, together=together)

    def _steps(self, symbol: str, steps: Callable[[_StageBuilder], Iterable[Step]]) -> tuple[Step, ...]:
        made = steps(self)
        found = tuple(made) if isinstance(made, Iterable) else (made,)
        for step in found:
            if not isinstance(step, Step):
                raise ArchsimError(
                    f"action '{symbol}' gives a {type(step).__name__} as what a stage does in it, and steps are "
                    "needed: what forward(), read(), backward(), update(), transfer() and copy() of the stage yield"
                )
        return found

    def forward(self) -> Iterable[Step]:
        steps: list[MatrixStep | DigitalJob] = []
        jobs: dict[str, DigitalJob] = {}
        for node in self.nodes:
            givers = [jobs[name] for name in node.inputs if name in jobs]
            if node.matrices:
                for time_step in time_steps(node):
                    steps += self._reads("F", node, time_step)
                    job = DigitalJob.after(givers, node, time_step)
                    steps.append(job)
                    givers = [job]
            else:
                found = continued(givers, partial(self._is_only_taker, node))
                job = DigitalJob.after(givers) if found is None else found
                if found is None:
                    steps.append(job)
                job.nodes.append(node)
            jobs[node.name] = job
        last = jobs.get(self.graph.nodes[-1].name) if self.trains else None
        return (self._finished(step, "F", loss=step is last) for step in steps)

    def serial_forward(self) -> Iterable[Step]:
        holders = [node for node in self.nodes if any(self.placements[m.name].parts for m in node.matrices)]
        written: set[str] = set()
        for step in self.forward():
            # A layer that has the tiles for itself stays on them.
            if isinstance(step, MatrixStep) and step.placement.layer not in written and len(holders) > 1:
                written.add(step.placement.layer)
                held = [self.placements[matrix.name] for matrix in self.graph[step.placement.layer].matrices]
                yield from (WriteStep(placement) for placement in held if placement.parts)
            yield step

    def read(self) -> Iterable[Step]:
        return (step for step in self.forward() if isinstance(step, MatrixStep))

    def backward(self) -> Iterable[Step]:
        steps: list[MatrixStep | DigitalJob] = []
        jobs: dict[str, list[DigitalJob]] = {}
        back = Counter(edge.name for edge in self.exports if edge.gradient)
        handed = set(back)
        for node in reversed(self.nodes):
            if node.name not in self.graph.needs_gradient:
                continue
            givers = jobs.get(node.name, [])
            job = continued(givers, partial(self._is_only_source, node))
            if job is None:
                job = DigitalJob.after(givers)
                steps.append(job)
            job.sums += max(back[node.name] - 1, 0) * math.prod(node.shape)
            sources = self._sources(node)
            if not node.matrices:
                job.nodes.append(node)
            else:
                job = self._back_through_matrices(node, job, steps)
            for name in sources:
                jobs.setdefault(name, []).append(job)
                sums = node.inputs.count(name) - (name not in handed)
                job.sums += sums * math.prod(self.graph.shape_of(name))
                handed.add(name)
        return (self._finished(step, "B") for step in steps)

    def _back_through_matrices(self, node: Node, job: DigitalJob, steps: list[MatrixStep | DigitalJob]) -> DigitalJob:
        """Add the transposed reads of a layer, of its last time step first; return the job with which they end."""
        in_time = time_steps(node)
        job.prepare, job.prepared = node, in_time[-1]
        for time_step in reversed(in_time):
            reads = self._reads("B", node, time_step)
            if not (reads or time_step):
                break
            steps += reads
            job = DigitalJob.after([job], node, time_step)
            if time_step:
                job.prepare, job.prepared = node, time_step - 1
            steps.append(job)
        return job

    def _reads(self, phase: Phase, node: Node, time_step: int | None) -> list[MatrixStep]:
        """Return the reads of a layer's matrices, those of a time step of a recurrent one."""
        needs_block = load_operator(node.kind).waits_for_block(node, training=self.trains)
        found = []
        for matrix in node.matrices:
            if phase == "F" or self._returns_gradient(node, matrix, time_step):
                length = matrix.inputs if phase == "F" else matrix.outputs
                elements = length * (matrix.vectors if time_step is None else 1)
                placement = self.placements[matrix.name]
                found.append(
                    MatrixStep(
                        phase,
                        placement,
                        elements,
                        needs_block=needs_block,
                        time_step=time_step,
                        in_turn=node.name in self.in_turn,
                        unit_work=read_work(matrix, time_step),
                    )
                )
        return found

    def _returns_gradient(self, node: Node, matrix: Matrix, time_step: int | None) -> bool:
        """Return whether anything needs what a transposed read of a matrix gives."""
        if time_step is None:
            return bool(self._sources(node))
        drive = recurrent_operator(node).drive(node, matrix)
        return (drive.input and bool(self._sources(node))) or (drive.state and time_step > 0)

    def _is_only_taker(self, node: Node, source: Node) -> bool:
        return self.graph.takers(source.name) == (node.name,) and self._flows(source, node)

    def _is_only_source(self, node: Node, target: Node) -> bool:
        return self._sources(target) == (node.name,) and self._flows(target, node)

    def _flows(self, source: Node, target: Node) -> bool:
        """Return whether a node may take up what another gives while this one still works on the rest of a sample."""
        if (source.name in self.in_turn) != (target.name in self.in_turn):
            return False
        return not any(load_operator(node.kind).waits_for_sample(node) for node in (source, target))

    def _sources(self, node: Node) -> tuple[str, ...]:
        """Return the inputs of a node that need a gradient, each once."""
        return tuple(dict.fromkeys(name for name in node.inputs if name in self.graph.needs_gradient))

    def _finished(self, step: MatrixStep | DigitalJob, phase: Phase, *, loss: bool = False) -> Step:
        return step if isinstance(step, MatrixStep) else self._digital(phase, step, loss=loss)

    def update(self) -> Iterable[Step]:
        for node in self.nodes:
            if not node.updated:
                continue
            yield self._digital("U", DigitalJob(prepare=node))
            for matrix in node.matrices:
                if not matrix.settings.trainable:
                    continue
                expected = self.updates[matrix.name]
                pulsed = any(part.outer_products for part in expected)
                placement, elements = self.placements[matrix.name], matrix.vectors * sum(matrix.size)
                apart = self.transfers_apart and any(part.transfers for part in expected)
                yield MatrixStep("U", placement, elements, pulsed, apart, unit_work=update_work(matrix, self.rule))
                if any(part.works_digitally or (part.transfers_digitally and not apart) for part in expected):
                    yield TransferStep(matrix.name)

    def transfer(self) -> Iterable[Step]:
        for node in self.nodes:
            for matrix in node.matrices:
                if not matrix.settings.trainable:
                    continue
                expected = self.updates[matrix.name]
                if any(part.transfers for part in expected):
                    yield MatrixStep("T", self.placements[matrix.name], 0, pulsed=False)
                if any(part.transfers_digitally for part in expected):
                    yield TransferStep(matrix.name, "T")

    def copy(self) -> Iterable[Step]:
        for node in self.nodes:
            for matrix in node.matrices:
                if matrix.settings.trainable and not matrix.digital:
                    yield CopyStep(self.placements[matrix.name])

    def _digital(self, phase: Phase, job: DigitalJob, *, loss: bool = False) -> DigitalStep:
        cost, elements = OperatorCost(multiply_adds=job.sums), 0
        if job.collect is not None:
            found, elements = self._collecting(phase, job.collect, job.collected)
            cost += found
        for node in job.nodes:
            cost += operator_cost(node, phase, trains=self.trains)
            elements += math.prod(node.shape)
        if job.prepare is not None:
            cost += prepare_cost(job.prepare, phase, job.prepared)
            if phase == "U" and self.rule.clipping is not None:
                cost += clipping_cost(job.prepare, self.rule.clipping)
        if loss:
            told = load_loss(self.graph.loss).cost(math.prod(self.graph.nodes[-1].shape))
            cost += checked_cost(told, f"loss '{self.graph.loss}'")
        booked = job.collect or job.prepare or job.nodes[0]
        in_turn = booked.name in self.in_turn
        growing, recalled = self._by_position(job.nodes) if in_turn else ((), ())
        return DigitalStep(
            phase,
            booked.name,
            job.collect.name if job.collect else None,
            tuple(node.name for node in job.nodes),
            job.prepare.name if job.prepare else None,
            loss,
            cost,
            elements,
            booked.shape[0] if in_turn else _vectors(booked, job),
            any(load_operator(node.kind).waits_for_block(node, training=self.trains) for node in job.nodes),
            closing_operations(job.prepare, self.rule) if phase == "U" and job.prepare is not None else 0,
            job.collected,
            job.prepared,
            in_turn,
            growing,
            recalled,
        )

    def _by_position(self, nodes: Iterable[Node]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the operations of nodes that are not the same for all positions, and the numbers that are recalled."""
        positions = range(self.graph.input_shape[0])
        growing, recalled = [0 for _ in positions], [0 for _ in positions]
        for node in nodes:
            operator = load_operator(node.kind)
            if isinstance(operator, DigitalOperator) and operator.position_cost(node, 0) is not None:
                for position in positions:
                    cost = checked_cost(operator.position_cost(node, position), f"operator '{node.kind}'")
                    growing[position] += cost.operations(1)
                    recalled[position] += operator.recalled_elements(node, position)
        return (tuple(growing), tuple(recalled)) if any(growing) else ((), ())

    def _collecting(self, phase: Phase, node: Node, time_step: int | None) -> tuple[OperatorCost, int]:
        """Return what it costs to collect the reads of a layer, and how many numbers are written then."""
        reads = self._reads(phase, node, time_step)
        held = {matrix.name: matrix for matrix in node.matrices}
        cost = sum((collect_cost(read, held[read.matrix]) for read in reads), OperatorCost())
        if phase == "F" and time_step is not None:
            return cost + advance_cost(node), left_by_step(node, trains=self.trains)
        sides = {matrix.name: matrix.inputs if phase == "B" else matrix.outputs for matrix in node.matrices}
        return cost, sum(read.vectors * sides[read.matrix] for read in reads)


def _vectors(node: Node, job: DigitalJob) -> int:
    """Return in how many vectors a sample passes a job of a layer; one in a time step, or where its matrices differ."""
    if job.collected is not None or job.prepared is not None:
        return 1
    counts = {matrix.vectors for matrix in node.matrices}
    return counts.pop() if len(counts) == 1 else 1
