"""A matrix of the network, with all that computes it."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.network.graph import Matrix, Node
from archsim.network.matrix import AnalogMatrix
from archsim.network.operators import MatrixOperator

__all__ = ["Held"]


@dataclass(frozen=True, slots=True)
class Held:
    """A matrix, the node that holds it, and its crossbars."""

    node: Node
    operator: MatrixOperator
    matrix: Matrix
    crossbars: AnalogMatrix

    @property
    def factor(self) -> float:
        """Factor of the learning rate."""
        return self.matrix.settings.learning_rate_factor
