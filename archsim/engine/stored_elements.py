"""How many numbers a stage keeps: of micro-batches while they are there, of digital matrices, of states carried on."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from archsim.digital.descent import DescentRule
from archsim.engine.program import Edge
from archsim.network.graph import Matrix, Node
from archsim.network.operators import RecurrentOperator, StatefulOperator, load_operator
from archsim.network.operators.recurrent import recurrent_operator, time_steps

__all__ = ["carried_elements", "held_elements", "left_by_step", "stored_block_elements", "stored_elements"]


def stored_elements(nodes: Sequence[Node], imports: Iterable[Edge], exports: Iterable[Edge], *, trains: bool) -> int:
    """Return the numbers kept per sample from the arrival of the input to the end of the last action on it.

    Parameters
    ----------
    nodes : sequence of Node
        Those of the stage.
    imports, exports : iterable of Edge
        The values that come to it, and go from it.
    trains : bool
        Whether the network is trained.
    """
    values = sum(edge.elements for edge in imports) + sum(_values(node, trains=trains) for node in nodes)
    if not trains:
        return values
    matrices = [matrix for node in nodes for matrix in node.matrices]
    errors = sum(matrix.vectors * matrix.outputs for matrix in matrices)
    unscaled = sum(matrix.vectors * matrix.outputs for matrix in matrices if _learns_scale(matrix))
    gradients = sum(edge.elements for edge in exports if edge.gradient)
    return values + errors + unscaled + gradients + sum(kept for kept, _ in map(_kept, nodes))


def stored_block_elements(nodes: Iterable[Node], *, trains: bool) -> int:
    """Return the numbers kept as long for a micro-batch, however many its samples."""
    return sum(kept for _, kept in map(_kept, nodes)) if trains else 0


def held_elements(nodes: Iterable[Node], rule: DescentRule, *, trains: bool) -> int:
    """Return the numbers that stay for matrices of the digital unit: weights, and what their training keeps."""
    held = [matrix for node in nodes for matrix in node.matrices if matrix.digital]
    kept = rule.kept if trains else 0
    return sum(matrix.weights * (1 + kept * matrix.settings.trainable) for matrix in held)


def carried_elements(nodes: Iterable[Node]) -> int:
    """Return the numbers of the states that layers carry from a sample to the next one of its stream."""
    operators = ((node, load_operator(node.kind)) for node in nodes)
    return sum(
        operator.state_size(node)
        for node, operator in operators
        if isinstance(operator, RecurrentOperator) and operator.carries(node)
    )


def left_by_step(node: Node, *, trains: bool) -> int:
    """Return the numbers per sample that a time step of a recurrent layer leaves: state, and what gradients need."""
    operator = recurrent_operator(node)
    return operator.state_size(node) + (operator.kept_size(node) if trains else 0)


def _values(node: Node, *, trains: bool) -> int:
    """Return the numbers per sample that are kept of a forward; a recurrent layer's output is part of its states."""
    if trains and isinstance(load_operator(node.kind), RecurrentOperator):
        return len(time_steps(node)) * left_by_step(node, trains=trains)
    return math.prod(node.shape)


def _learns_scale(matrix: Matrix) -> bool:
    """Return whether what a matrix gives is kept as it was before its scale, whose gradient needs it."""
    return matrix.settings.scaling is not None and matrix.settings.scaling.learn_out_scaling


def _kept(node: Node) -> tuple[int, int]:
    """Return what an operator keeps for its gradient: per sample, and of a micro-batch."""
    operator = load_operator(node.kind)
    if not isinstance(operator, StatefulOperator):
        return 0, 0
    return operator.kept_elements(node), operator.kept_block_elements(node)
