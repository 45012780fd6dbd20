"""What near-memory units do for a network: its operators and its loss, in one arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.network.graph import Graph
from archsim.network.losses import Loss, load_loss
from archsim.network.operators import Operator, load_operator

__all__ = ["DigitalLogic", "held_inputs"]


@dataclass(frozen=True)
class DigitalLogic:
    """The digital side of a network.

    Attributes
    ----------
    operators : mapping of str to Operator
        The operator of each node.
    gradients : mapping of str to Operator
        The same for its gradient rules, which compute by ``arithmetic.backward``.
    loss : Loss
        What training makes small; it computes by ``arithmetic.backward``, too.
    arithmetic : Arithmetic
        What all compute by.
    """

    operators: Mapping[str, Operator]
    gradients: Mapping[str, Operator]
    loss: Loss
    arithmetic: Arithmetic

    @classmethod
    def of(cls, graph: Graph, arithmetic: Arithmetic) -> DigitalLogic:
        """Return the digital side of a graph."""
        operators = _operators(graph, arithmetic)
        backward = arithmetic.backward
        gradients = operators if backward is arithmetic else _operators(graph, backward)
        return cls(operators, gradients, load_loss(graph.loss, arithmetic=backward), arithmetic)


def held_inputs(graph: Graph, x: Array, arithmetic: Arithmetic) -> Array:
    """Return what digital units hold of a network's inputs; numbers of tokens choose rows, and nothing is left out."""
    return x if graph.vocabulary is not None else arithmetic.number(x)


def _operators(graph: Graph, arithmetic: Arithmetic) -> dict[str, Operator]:
    return {node.name: load_operator(node.kind, arithmetic=arithmetic) for node in graph.nodes}
