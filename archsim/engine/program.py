"""What a stage does in an action: steps on crossbars and steps on the digital unit, in order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from archsim.analog.observed import ExpectedUpdate
from archsim.chip.operations import affine_operations, update_operations
from archsim.mapping.plan import Placement, Plan, StagePlan
from archsim.network.graph import INPUT, Graph, Matrix, Node
from archsim.network.losses import load_loss
from archsim.network.operators import DigitalOperator, OperatorCost, load_operator
from archsim.schedule.action_kinds import ActionKind
from archsim.schedule.state import HOST

__all__ = [
    "HOST",
    "DigitalStep",
    "Edge",
    "MatrixStep",
    "Phase",
    "StageProgram",
    "Step",
    "TransferStep",
    "build_programs",
    "edges_between",
]

Phase = Literal["F", "B", "U", "T"]

#: For each matrix, what its parts take for each vector.
Updates = Mapping[str, tuple[ExpectedUpdate, ...]]


@dataclass(frozen=True, slots=True)
class MatrixStep:
    """A forward read, transposed read, update or transfer of a matrix: all its parts at once.

    Attributes
    ----------
    phase : {"F", "B", "U", "T"}
        What it belongs to.
    placement : Placement
        The matrix.
    elements : int
        Numbers of stored input (or error) that leave the buffer for it, per sample.
    pulsed : bool
        Of an update, whether every outer product is sent to the array.
    apart : bool
        Of an update, whether it leaves its transfers to a T.
    """

    phase: Phase
    placement: Placement
    elements: int
    pulsed: bool = True
    apart: bool = False

    @property
    def matrix(self) -> str:
        """Name of the matrix."""
        return self.placement.matrix

    @property
    def vectors(self) -> int:
        """Vectors that meet it for each sample."""
        return self.placement.vectors


@dataclass(frozen=True, slots=True)
class DigitalStep:
    """Work of the near-memory unit between two matrix steps.

    Attributes
    ----------
    phase : {"F", "B", "U"}
        What it belongs to.
    layer : str
        The layer it is booked on.
    collect : str or None
        The layer whose matrices were read just before: add the parts of each (F: then scale and bias) and fold them.
    nodes : tuple of str
        Digital operators to run, in this order (B: their gradients).
    prepare : str or None
        B: the layer whose matrices are read next: unfold and scale their errors and note the gradients of scales and
        biases. U: the layer whose scales and biases are updated.
    loss : bool
        F: compute the loss and its gradient at the end.
    cost : OperatorCost
        Element operations per sample.
    elements : int
        Numbers written to the buffer per sample.
    """

    phase: Phase
    layer: str
    collect: str | None
    nodes: tuple[str, ...]
    prepare: str | None
    loss: bool
    cost: OperatorCost
    elements: int


@dataclass(frozen=True, slots=True)
class TransferStep:
    """What an algorithm asks of the near-memory unit and the buffer, after the update or the transfers of a matrix.

    How much that is, the update or the transfers say.
    """

    matrix: str
    phase: Phase = "U"


Step = MatrixStep | DigitalStep | TransferStep


@dataclass(frozen=True, slots=True)
class Edge:
    """A value that crosses from one stage to another; its gradient, if needed, comes back."""

    name: str
    source: int
    target: int
    elements: int
    gradient: bool


@dataclass(frozen=True, slots=True)
class StageProgram:
    """The steps of a stage's actions by their symbols, and what crosses its borders."""

    index: int
    actions: Mapping[str, tuple[Step, ...]]
    imports: tuple[Edge, ...]
    exports: tuple[Edge, ...]
    stored_elements: int

    @property
    def matrix_steps(self) -> Iterator[MatrixStep]:
        """The reads and updates of all its actions."""
        return (step for steps in self.actions.values() for step in steps if isinstance(step, MatrixStep))

    def claims_with(self, edge: Edge) -> bool:
        """Return whether a micro-batch claims its space at the stage with this input: with the first of them."""
        return edge.name == self.imports[0].name


def build_programs(
    graph: Graph, plan: Plan, updates: Updates, kinds: Mapping[str, ActionKind]
) -> tuple[StageProgram, ...]:
    """Return the program of every stage of a plan.

    Parameters
    ----------
    graph, plan
        What is computed, and where.
    updates : mapping of str to tuple of ExpectedUpdate
        What the training algorithm of each matrix takes.
    kinds : mapping of str to ActionKind
        The kinds of the schedule's actions by symbol: where none sends gradients, there is no loss, and nothing is
        stored for gradients.
    """
    edges = _edges(graph, plan, _trains(kinds))
    return tuple(_StageBuilder(graph, stage, edges, updates, kinds).build() for stage in plan.stages)


def _trains(kinds: Mapping[str, ActionKind]) -> bool:
    return any(kind.sends == "gradients" for kind in kinds.values())


def edges_between(programs: Iterable[StageProgram], *, host: bool = False) -> list[tuple[int, int]]:
    """Return source and target of every value that crosses from a stage to another; with `host`, from the host, too."""
    return [
        (edge.source, edge.target) for program in programs for edge in program.imports if host or edge.source != HOST
    ]


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
        kinds: Mapping[str, ActionKind],
    ) -> None:
        self.graph = graph
        self.kinds = kinds
        self.trains = _trains(kinds)
        self.transfers_apart = any(kind.transfers for kind in kinds.values())
        self.updates = updates
        self.stage = stage
        self.nodes = [graph[name] for name in stage.operators]
        self.placements = {placement.matrix: placement for placement in stage.placements}
        self.imports = tuple(edge for edge in edges if edge.target == stage.index)
        self.exports = tuple(edge for edge in edges if edge.source == stage.index)
        self.last = self.nodes[-1] is graph.nodes[-1]

    def build(self) -> StageProgram:
        return StageProgram(
            self.stage.index,
            {symbol: tuple(kind.steps(self)) for symbol, kind in self.kinds.items()},
            self.imports,
            self.exports,
            self._stored_elements(),
        )

    def forward(self) -> Iterable[Step]:
        collect: Node | None = None
        nodes: list[Node] = []
        for node in self.nodes:
            if not node.matrices:
                nodes.append(node)
                continue
            if collect or nodes:
                yield self._digital("F", collect, nodes)
            for matrix in node.matrices:
                yield MatrixStep("F", self.placements[matrix.name], matrix.vectors * matrix.inputs)
            collect, nodes = node, []
        yield self._digital("F", collect, nodes, loss=self.last and self.trains)

    def read(self) -> Iterable[Step]:
        return (step for step in self.forward() if isinstance(step, MatrixStep))

    def backward(self) -> Iterable[Step]:
        collect: Node | None = None
        nodes: list[Node] = []
        for node in reversed(self.nodes):
            if node.name not in self.graph.needs_gradient:
                continue
            if not node.matrices:
                nodes.append(node)
                continue
            yield self._digital("B", collect, nodes, prepare=node)
            collect, nodes = None, []
            if any(name in self.graph.needs_gradient for name in node.inputs):
                for matrix in node.matrices:
                    yield MatrixStep("B", self.placements[matrix.name], matrix.vectors * matrix.outputs)
                collect = node
        if collect or nodes:
            yield self._digital("B", collect, nodes)

    def update(self) -> Iterable[Step]:
        for node in self.nodes:
            if not node.trainable:
                continue
            yield self._digital("U", None, [], prepare=node)
            for matrix in node.matrices:
                if not matrix.settings.trainable:
                    continue
                expected = self.updates[matrix.name]
                pulsed = any(part.outer_products for part in expected)
                placement, elements = self.placements[matrix.name], matrix.vectors * sum(matrix.size)
                apart = self.transfers_apart and any(part.transfers for part in expected)
                yield MatrixStep("U", placement, elements, pulsed, apart)
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

    def _digital(
        self, phase: Phase, collect: Node | None, nodes: list[Node], prepare: Node | None = None, loss: bool = False
    ) -> DigitalStep:
        cost = OperatorCost()
        elements = 0
        if collect is not None:
            for matrix in collect.matrices:
                cost += _collect_cost(self.placements[matrix.name], phase)
                elements += matrix.vectors * (matrix.inputs if phase == "B" else matrix.outputs)
        for node in nodes:
            operator = _operator(node)
            cost += operator.cost(node) if phase == "F" else operator.gradient_cost(node)
            elements += math.prod(node.shape)
        if prepare is not None:
            for matrix in prepare.matrices:
                cost += _prepare_cost(matrix, phase)
        if loss:
            cost += load_loss(self.graph.loss).cost(math.prod(self.graph.nodes[-1].shape))
        booked = collect or prepare or nodes[0]
        return DigitalStep(
            phase,
            booked.name,
            collect.name if collect else None,
            tuple(node.name for node in nodes),
            prepare.name if prepare else None,
            loss,
            cost,
            elements,
        )

    def _stored_elements(self) -> int:
        """Numbers kept per sample from the arrival of the input to the end of the last action on it."""
        values = sum(edge.elements for edge in self.imports) + sum(math.prod(node.shape) for node in self.nodes)
        if not self.trains:
            return values
        errors = sum(matrix.vectors * matrix.outputs for node in self.nodes for matrix in node.matrices)
        gradients = sum(edge.elements for edge in self.exports if edge.gradient)
        return values + errors + gradients


def _operator(node: Node) -> DigitalOperator:
    operator = load_operator(node.kind)
    if not isinstance(operator, DigitalOperator):
        raise TypeError(f"'{node.name}' of kind '{node.kind}' is no digital operator")
    return operator


def _collect_cost(placement: Placement, phase: Phase) -> OperatorCost:
    """Every converted number is scaled and accumulated once."""
    parts = [(part.rows, part.columns) for part in placement.parts]
    return OperatorCost(multiply_adds=affine_operations(parts, placement.vectors, transposed=phase == "B"))


def _prepare_cost(matrix: Matrix, phase: Phase) -> OperatorCost:
    """B: scale and sum up the error. U: one operation per element of the two vectors.

    The latter is the 2N of in-memory SGD in Table 1 of Rasch et al. 2024, doi:10.1038/s41467-024-51221-z.
    """
    if phase == "U":
        return OperatorCost(multiply_adds=update_operations(*matrix.size, matrix.vectors))
    return OperatorCost(multiply_adds=matrix.vectors * matrix.outputs)
