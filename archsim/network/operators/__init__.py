"""The kinds of operators that a network is made of; each registers as ``archsim.operators``."""

from archsim.network.operators.base import DigitalOperator, MatrixOperator, Operator, load_operator
from archsim.network.operators.cost import OperatorCost

__all__ = ["DigitalOperator", "MatrixOperator", "Operator", "OperatorCost", "load_operator"]
