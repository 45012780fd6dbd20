"""The kinds of operators that a network is made of; each registers as ``archsim.operators``."""

from archsim.network.operators.base import DigitalOperator, MatrixOperator, Operator, StationaryOperator, load_operator
from archsim.network.operators.cost import OperatorCost, checked_cost
from archsim.network.operators.recurrent import RecurrentOperator
from archsim.network.operators.stateful import Pass, StatefulOperator

__all__ = [
    "DigitalOperator",
    "MatrixOperator",
    "Operator",
    "OperatorCost",
    "Pass",
    "RecurrentOperator",
    "StatefulOperator",
    "StationaryOperator",
    "checked_cost",
    "load_operator",
]
