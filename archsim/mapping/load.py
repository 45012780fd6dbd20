"""How long each operator keeps its stage busy: the modelled time that stages are balanced by."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archsim.chip.operations import (
    affine_operations,
    parameter_bytes,
    product_operations,
    update_operations,
    vector_bytes,
)
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, nmpu_ps, read_ps, update_ps
from archsim.mapping.cut import grid
from archsim.network.graph import Graph, Matrix, Node
from archsim.network.operators import (
    DigitalOperator,
    OperatorCost,
    RecurrentOperator,
    StatefulOperator,
    checked_cost,
    load_operator,
)

__all__ = ["MatrixRates", "PhaseTimes", "operator_times_ps"]


@dataclass(frozen=True, slots=True)
class MatrixRates:
    """What the reads and updates of a matrix take for each vector.

    Attributes
    ----------
    forward_reads, backward_reads : float
        Reads of its arrays.
    updates : int
        Outer products that are sent to them, 1 or 0.
    slots : float
        Pulse slots of one.
    """

    forward_reads: float
    backward_reads: float
    updates: int
    slots: float

    @classmethod
    def of_chip(cls, chip: Chip) -> MatrixRates:
        """Return the rates of layers that train by pulses on the array that computes."""
        forward, backward = chip.io, chip.backward_io or chip.io
        return cls(forward.expected_reads * forward.passes, backward.passes, 1, chip.update.expected_length)


class PhaseTimes(NamedTuple):
    """How long F, B and U take for one micro-batch, without waiting, in picoseconds."""

    forward: int
    backward: int = 0
    update: int = 0

    @classmethod
    def total(cls, times: Iterable[PhaseTimes]) -> PhaseTimes:
        """Return the sums of each."""
        return cls(*map(sum, zip(cls(0), *times, strict=True)))


def operator_times_ps(
    graph: Graph, chip: Chip, samples: int, rates: Mapping[str, MatrixRates] | None = None, *, trains: bool = True
) -> tuple[PhaseTimes, ...]:
    """Return F, B and U, or F alone, of every operator of a graph for one micro-batch, without waiting, in picoseconds.

    A matrix takes its reads (all parts at once), its digital accumulation and its update; every
    operator writes its result to the buffer and reads its operands from it. Where no operator takes time by itself,
    as on a chip of stage engines, F of each matrix counts as one.

    Parameters
    ----------
    graph : Graph
        The network.
    chip : Chip
        The chip.
    samples : int
        Samples of a micro-batch.
    rates : mapping of str to MatrixRates, optional
        Repeated reads and train lengths by matrix; those of the chip without it.
    trains : bool
        Whether there are B and U.
    """
    usual = MatrixRates.of_chip(chip)

    def time_ps(node: Node) -> PhaseTimes:
        if not node.matrices:
            return _digital_ps(graph, node, chip, samples, trains)
        found = ((matrix, (rates or {}).get(matrix.name, usual)) for matrix in node.matrices)
        matrices = [_matrix_ps(graph, node, matrix, chip, samples, rate, trains) for matrix, rate in found]
        return PhaseTimes.total((_states_ps(graph, node, chip, samples, trains), *matrices))

    times = tuple(time_ps(node) for node in graph.nodes)
    return times if any(map(any, times)) else tuple(PhaseTimes(int(bool(node.matrices))) for node in graph.nodes)


def _matrix_ps(
    graph: Graph, node: Node, matrix: Matrix, chip: Chip, samples: int, rates: MatrixRates, trains: bool
) -> PhaseTimes:
    vectors = samples * matrix.vectors
    if matrix.digital:
        return _digital_matrix_ps(graph, node, matrix, chip, vectors, trains)
    parts = [(i[1] - i[0], o[1] - o[0]) for i, o in grid(matrix.size, chip.tile.rows, chip.tile.columns)]
    forward = _read_ps(chip, matrix.size, parts, vectors, rates.forward_reads, transposed=False)
    backward = update = 0
    if trains and any(name in graph.needs_gradient for name in node.inputs):
        backward = _read_ps(chip, matrix.size, parts, vectors, rates.backward_reads, transposed=True)
    if trains and matrix.settings.trainable:
        update = buffer_ps(chip, vector_bytes(chip, vectors * sum(matrix.size)))
        update += nmpu_ps(chip, update_operations(*matrix.size, vectors))
        update += update_ps(chip, vectors * rates.updates, math.ceil(vectors * rates.slots))
    return PhaseTimes(forward, backward, update)


def _digital_matrix_ps(graph: Graph, node: Node, matrix: Matrix, chip: Chip, vectors: int, trains: bool) -> PhaseTimes:
    """Return how long a digital unit takes for a matrix that it holds: as many products forward, backward, in U."""
    product = nmpu_ps(chip, product_operations(*matrix.size, vectors))
    product += buffer_ps(chip, vector_bytes(chip, vectors * sum(matrix.size)) + parameter_bytes(chip, matrix.weights))
    backward = trains and any(name in graph.needs_gradient for name in node.inputs)
    return PhaseTimes(product, product * backward, product * (trains and matrix.settings.trainable))


def _read_ps(
    chip: Chip,
    matrix: tuple[int, int],
    parts: Sequence[tuple[int, int]],
    vectors: int,
    rate: float,
    *,
    transposed: bool,
) -> int:
    reads = math.ceil(vectors * rate)
    analog = max(read_ps(chip, rows, columns, reads, transposed=transposed) for rows, columns in parts)
    digital = nmpu_ps(chip, affine_operations(parts, vectors, transposed=transposed))
    return analog + digital + sum(buffer_ps(chip, vector_bytes(chip, vectors * side)) for side in matrix)


def _states_ps(graph: Graph, node: Node, chip: Chip, samples: int, trains: bool) -> PhaseTimes:
    """Return how long a digital unit takes for the states of a recurrent node."""
    operator = load_operator(node.kind)
    if not isinstance(operator, RecurrentOperator):
        return PhaseTimes(0)
    part, steps = f"operator '{node.kind}'", operator.steps(node)
    costs = [checked_cost(operator.step_cost(node), part)]
    if trains and node.name in graph.needs_gradient:
        costs.append(checked_cost(operator.step_gradient_cost(node), part))
    return PhaseTimes(*(steps * nmpu_ps(chip, cost.operations(samples)) for cost in costs))


def _digital_ps(graph: Graph, node: Node, chip: Chip, samples: int, trains: bool) -> PhaseTimes:
    operator = load_operator(node.kind)
    if not isinstance(operator, DigitalOperator):
        raise TypeError(f"'{node.name}' of kind '{node.kind}' holds no matrix and is no digital operator")
    part = f"operator '{node.kind}'"
    stateful = operator if isinstance(operator, StatefulOperator) else None
    forward = operator.cost(node) if trains or stateful is None else stateful.evaluation_cost(node)
    backward = update = 0
    if trains and node.name in graph.needs_gradient:
        backward = _step_ps(chip, checked_cost(operator.gradient_cost(node), part), node, samples)
    if trains and stateful is not None and node.updated:
        update = nmpu_ps(chip, checked_cost(stateful.update_cost(node), part).operations(samples))
    return PhaseTimes(_step_ps(chip, checked_cost(forward, part), node, samples), backward, update)


def _step_ps(chip: Chip, cost: OperatorCost, node: Node, samples: int) -> int:
    size = vector_bytes(chip, samples * math.prod(node.shape))
    return nmpu_ps(chip, cost.operations(samples)) + buffer_ps(chip, size)
