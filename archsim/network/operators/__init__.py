"""The kinds of operators that a network is made of; each registers as ``archsim.operators``."""

from archsim.network.operators.base import DigitalOperator, MatrixOperator, Operator, OperatorCost, load_operator

__all__ = ["DigitalOperator", "MatrixOperator", "Operator", "OperatorCost", "load_operator"]
