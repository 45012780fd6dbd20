"""How long each operator keeps its stage busy: the modelled time that stages are balanced by."""

from __future__ import annotations

import math
from collections.abc import Sequence

from archsim.chip.operations import affine_operations, update_operations, vector_bytes
from archsim.chip.specification import Chip
from archsim.chip.timing import buffer_ps, expected_reads, expected_slots, nmpu_ps, read_ps, update_ps
from archsim.mapping.cut import grid
from archsim.network.graph import Graph, Node
from archsim.network.operators import DigitalOperator, OperatorCost, load_operator

__all__ = ["operator_times_ps"]


def operator_times_ps(graph: Graph, chip: Chip, vectors: int) -> tuple[int, ...]:
    """Return F + B + U of every operator of a graph for one micro-batch, without waiting, in picoseconds.

    A matrix takes its reads (all parts at once), its digital accumulation and its update; every
    operator writes its result to the buffer and reads its operands from it. Repeated reads and train
    lengths are the chip's expected ones. On a chip with a stage engine each matrix counts as one.

    Parameters
    ----------
    graph : Graph
        The network.
    chip : Chip
        The chip.
    vectors : int
        Samples of a micro-batch.
    """
    if chip.stage_engine is not None:
        return tuple(int(node.matrix is not None) for node in graph.nodes)
    return tuple(
        _digital_ps(graph, node, chip, vectors)
        if node.matrix is None
        else _matrix_ps(graph, node, node.matrix, chip, vectors)
        for node in graph.nodes
    )


def _matrix_ps(graph: Graph, node: Node, matrix: tuple[int, int], chip: Chip, samples: int) -> int:
    parts = [(i[1] - i[0], o[1] - o[0]) for i, o in grid(matrix, chip.tile.rows, chip.tile.columns)]
    vectors = samples * node.vectors
    total = _read_ps(chip, matrix, parts, vectors, transposed=False)
    if any(name in graph.needs_gradient for name in node.inputs):
        total += _read_ps(chip, matrix, parts, vectors, transposed=True)
    if node.layer.trainable is not False:
        total += buffer_ps(chip, vector_bytes(chip, vectors * sum(matrix)))
        total += nmpu_ps(chip, update_operations(*matrix, vectors))
        total += update_ps(chip, vectors, expected_slots(chip, vectors))
    return total


def _read_ps(
    chip: Chip, matrix: tuple[int, int], parts: Sequence[tuple[int, int]], vectors: int, *, transposed: bool
) -> int:
    reads = vectors if transposed else expected_reads(chip, vectors)
    analog = max(read_ps(chip, rows, columns, reads, transposed=transposed) for rows, columns in parts)
    digital = nmpu_ps(chip, affine_operations(parts, vectors, transposed=transposed))
    return analog + digital + sum(buffer_ps(chip, vector_bytes(chip, vectors * lines)) for lines in matrix)


def _digital_ps(graph: Graph, node: Node, chip: Chip, samples: int) -> int:
    operator = load_operator(node.kind, f"network.layers.{node.name}")
    if not isinstance(operator, DigitalOperator):
        raise TypeError(f"'{node.name}' of kind '{node.kind}' holds no matrix and is no digital operator")
    total = _step_ps(chip, operator.cost(node), node, samples)
    if node.name in graph.needs_gradient:
        total += _step_ps(chip, operator.gradient_cost(node), node, samples)
    return total


def _step_ps(chip: Chip, cost: OperatorCost, node: Node, samples: int) -> int:
    size = vector_bytes(chip, samples * math.prod(node.shape))
    return nmpu_ps(chip, samples * (cost.multiply_adds + cost.activations)) + buffer_ps(chip, size)
