"""How many numbers a stage keeps: of micro-batches while they are there, and beside them of what stays.

What stays are digital matrices, what gradients add up in, and states that are carried on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from archsim.analog.observed import ExpectedUpdate
from archsim.digital.descent import DescentRule
from archsim.engine.program import Edge
from archsim.engine.step_costs import trained_shapes
from archsim.network.graph import Matrix, Node
from archsim.network.operators import RecurrentOperator, StatefulOperator, load_operator
from archsim.network.operators.recurrent import recurrent_operator, time_steps

__all__ = [
    "accumulator_elements",
    "carried_elements",
    "held_elements",
    "left_by_step",
    "stored_activations",
    "stored_block_elements",
    "stored_errors",
]


def stored_activations(nodes: Sequence[Node], imports: Iterable[Edge], *, trains: bool) -> int:
    """Return the numbers kept per sample of the way forward, from the arrival of the input to the last action on it.

    Parameters
    ----------
    nodes : sequence of Node
        Those of the stage.
    imports : iterable of Edge
        The values that come to it.
    trains : bool
        Whether the network is trained.
    """
    values = sum(edge.elements for edge in imports) + sum(_values(node, trains=trains) for node in nodes)
    if not trains:
        return values
    matrices = [matrix for node in nodes for matrix in node.matrices]
    unscaled = sum(matrix.vectors * matrix.outputs for matrix in matrices if _learns_scale(matrix))
    return values + unscaled + sum(kept for kept, _ in map(_kept, nodes))


def stored_errors(nodes: Sequence[Node], exports: Iterable[Edge], *, trains: bool) -> int:
    """Return the numbers kept as long per sample of the way back: errors at matrices, gradients from other stages.

    Parameters
    ----------
    nodes : sequence of Node
        Those of the stage.
    exports : iterable of Edge
        The values that go from it.
    trains : bool
        Whether the network is trained.
    """
    if not trains:
        return 0
    matrices = [matrix for node in nodes for matrix in node.matrices]
    errors = sum(matrix.vectors * matrix.outputs for matrix in matrices)
    return errors + sum(edge.elements for edge in exports if edge.gradient)


def stored_block_elements(nodes: Iterable[Node], *, trains: bool) -> int:
    """Return the numbers kept as long for a micro-batch, however many its samples."""
    return sum(kept for _, kept in map(_kept, nodes)) if trains else 0


def held_elements(nodes: Iterable[Node], rule: DescentRule, *, trains: bool) -> int:
    """Return the numbers that stay for matrices of the digital unit: weights, and what their training keeps."""
    held = [matrix for node in nodes for matrix in node.matrices if matrix.digital]
    kept = rule.kept if trains else 0
    return sum(matrix.weights * (1 + kept * matrix.settings.trainable) for matrix in held)


def accumulator_elements(
    nodes: Sequence[Node], updates: Mapping[str, Sequence[ExpectedUpdate]], rule: DescentRule, *, together: bool
) -> int:
    """Return the numbers that stay beside weights on tiles and digital parameters for what gradients add up in.

    Parameters
    ----------
    nodes : sequence of Node
        Those of a stage that is trained.
    updates : mapping of str to sequence of ExpectedUpdate
        What the algorithm of each matrix keeps, by its parts.
    rule : DescentRule
        What is kept beside digital parameters.
    together : bool
        Whether gradients of several micro-batches wait for one step: those of digital parameters are added up.
    """
    trained = [matrix for node in nodes for matrix in node.matrices if matrix.settings.trainable]
    of_algorithms = sum(part.kept_numbers for matrix in trained for part in updates.get(matrix.name, ()))
    parameters = sum(math.prod(shape) for node in nodes if node.updated for shape in trained_shapes(node))
    return of_algorithms + max(rule.kept, together) * parameters


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
