"""What the digital work of a step costs for each sample: collecting reads, operators, preparing errors and updates."""

from __future__ import annotations

from archsim.chip.operations import affine_operations, product_operations, update_operations
from archsim.digital.clipping import clip_operations
from archsim.digital.descent import DescentRule
from archsim.digital.specification import GradientClipping
from archsim.engine.steps import MatrixStep, Phase, UnitWork
from archsim.network.graph import Matrix, Node
from archsim.network.operators import DigitalOperator, OperatorCost, StatefulOperator, checked_cost, load_operator
from archsim.network.operators.recurrent import recurrent_operator

__all__ = [
    "advance_cost",
    "clipping_cost",
    "closing_operations",
    "collect_cost",
    "operator_cost",
    "prepare_cost",
    "read_work",
    "trained_shapes",
    "update_work",
]


def operator_cost(node: Node, phase: Phase, *, trains: bool) -> OperatorCost:
    """Return the cost of a digital operator: of its forward, in B of its gradient, in U of updating its parameters.

    Parameters
    ----------
    node : Node
        The operator.
    phase : {"F", "B", "U"}
        What it is done for.
    trains : bool
        Whether the network is trained: what an operator with parameters computes may depend on it.
    """
    operator = load_operator(node.kind)
    if not isinstance(operator, DigitalOperator):
        raise TypeError(f"'{node.name}' of kind '{node.kind}' is no digital operator")
    stateful = operator if isinstance(operator, StatefulOperator) else None
    if phase == "B":
        told = operator.gradient_cost(node)
    elif stateful is not None and phase == "U":
        told = stateful.update_cost(node)
    elif stateful is not None and not trains:
        told = stateful.evaluation_cost(node)
    else:
        told = operator.cost(node)
    return checked_cost(told, f"operator '{node.kind}'")


def read_work(matrix: Matrix, time_step: int | None) -> UnitWork | None:
    """Return what the digital unit does for a read of a matrix that it holds, of which each weight is read once.

    Parameters
    ----------
    matrix : Matrix
        The matrix.
    time_step : int or None
        The time step of a recurrent layer, in which one vector of each sample meets it.
    """
    if not matrix.digital:
        return None
    vectors = matrix.vectors if time_step is None else 1
    return UnitWork(OperatorCost(multiply_adds=product_operations(*matrix.size, vectors)), matrix.weights)


def update_work(matrix: Matrix, rule: DescentRule) -> UnitWork | None:
    """Return what the digital unit does for an update of a matrix that it holds.

    Outer products for each vector. With each micro-batch plain descent takes a step; where steps accumulate, it goes to
    a second copy, and at the end of a mini-batch the copies change their roles. Any other descent adds to the gradient
    of the mini-batch, and takes the step with it at the end, from weights, gradient and velocity.
    """
    if not matrix.digital:
        return None
    size = matrix.weights
    cost = OperatorCost(product_operations(*matrix.size, matrix.vectors), block_multiply_adds=size)
    closing = rule.closing_operations((matrix.outputs, matrix.inputs))
    closing_numbers = ((1 + rule.kept) * size, rule.kept * size) if closing else (0, 0)
    return UnitWork(cost, size, size, closing, *closing_numbers)


def collect_cost(read: MatrixStep, matrix: Matrix) -> OperatorCost:
    """Return the cost of what a read gave: every converted number is scaled and accumulated once.

    What a digital unit computed needs its bias only.
    """
    if matrix.digital:
        biased = matrix.settings.bias and read.phase == "F"
        return OperatorCost(multiply_adds=read.vectors * matrix.outputs if biased else 0)
    parts = [(part.rows, part.columns) for part in read.placement.parts]
    return OperatorCost(multiply_adds=affine_operations(parts, read.vectors, transposed=read.phase == "B"))


def advance_cost(node: Node) -> OperatorCost:
    """Return the cost of the next state of a recurrent layer."""
    return checked_cost(recurrent_operator(node).step_cost(node), f"operator '{node.kind}'")


def prepare_cost(node: Node, phase: Phase, time_step: int | None) -> OperatorCost:
    """Return the cost of preparing the errors of a layer (in B), those of a time step if given, or its update (in U).

    Parameters
    ----------
    node : Node
        The layer.
    phase : {"B", "U"}
        What it is done for.
    time_step : int or None
        The time step.
    """
    cost = sum((_prepare_cost(matrix, phase, time_step) for matrix in node.matrices), OperatorCost())
    if node.parameters:
        cost += operator_cost(node, phase, trains=True)
    if time_step is None:
        return cost
    return cost + checked_cost(recurrent_operator(node).step_gradient_cost(node), f"operator '{node.kind}'")


def clipping_cost(node: Node, clipping: GradientClipping) -> OperatorCost:
    """Return what clipping the errors of all vectors of a node's matrices costs before they drive updates of arrays."""
    return OperatorCost(
        multiply_adds=sum(
            matrix.vectors * clip_operations(clipping, *matrix.size) for matrix in node.matrices if not matrix.digital
        )
    )


def closing_operations(node: Node, rule: DescentRule) -> int:
    """Return the multiply-adds at the end of a mini-batch, for all digital numbers of a node but its matrices."""
    return sum(map(rule.closing_operations, trained_shapes(node)))


def trained_shapes(node: Node) -> list[tuple[int, ...]]:
    """Return the shapes of all digital numbers that are trained for a node, but its matrices."""
    shapes = [parameter.shape for parameter in node.parameters if parameter.trained]
    for matrix in node.matrices:
        scaling = matrix.settings.scaling
        learned = matrix.settings.bias + (scaling is not None and scaling.learn_out_scaling)
        shapes += [(matrix.outputs,)] * learned
    return shapes


def _prepare_cost(matrix: Matrix, phase: Phase, time_step: int | None) -> OperatorCost:
    """B: scale and sum up the error. U: one operation per element of the two vectors, which drive an array.

    The latter is the 2N of in-memory SGD in Table 1 of Rasch et al. 2024, doi:10.1038/s41467-024-51221-z.
    """
    if matrix.digital and (phase == "U" or not matrix.settings.bias):
        return OperatorCost()
    if phase == "U":
        return OperatorCost(multiply_adds=update_operations(*matrix.size, matrix.vectors))
    return OperatorCost(multiply_adds=matrix.outputs * (matrix.vectors if time_step is None else 1))
