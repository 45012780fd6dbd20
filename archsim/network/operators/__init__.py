"""The kinds of operators that a network is made of; each registers as ``archsim.operators``."""

from archsim.network.operators.base import DigitalOperator, Operator, OperatorCost, load_operator

__all__ = ["DigitalOperator", "Operator", "OperatorCost", "load_operator"]
