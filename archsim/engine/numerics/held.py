"""Who holds the weights of a network: matrices with all that computes them, and the digital parameters of operators."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from archsim.engine.dependencies import homes_of
from archsim.engine.program import StageProgram
from archsim.network.graph import Graph, Matrix, Node
from archsim.network.parameters import DigitalParameters
from archsim.network.stationary import StationaryMatrix

__all__ = ["Held", "Holder", "Holders"]

#: What can be asked for a snapshot.
Holder = StationaryMatrix | DigitalParameters


@dataclass(frozen=True, slots=True)
class Held:
    """A matrix, the node that has it, and who holds its weights."""

    node: Node
    matrix: Matrix
    holder: StationaryMatrix

    @property
    def factor(self) -> float:
        """Factor of the learning rate."""
        return self.matrix.settings.learning_rate_factor


class Holders:
    """Who holds weights or parameters at a stage.

    Parameters
    ----------
    program : StageProgram
        What the stage does.
    graph : Graph
        The network.
    matrices : mapping of str to StationaryMatrix
        All matrices.
    parameters : mapping of str to DigitalParameters
        What digital units hold, by layer.

    Attributes
    ----------
    all : dict of str to Holder
        Those of the stage: matrices by their name, parameters by that of their layer.
    of_layer : dict of str to dict
        The same by the layer whose part of an action changes them.
    """

    def __init__(
        self,
        program: StageProgram,
        graph: Graph,
        matrices: Mapping[str, StationaryMatrix],
        parameters: Mapping[str, DigitalParameters],
    ) -> None:
        self.all: dict[str, Holder] = {}
        self.of_layer: dict[str, dict[str, Holder]] = defaultdict(dict)
        homes = homes_of(step for action in program.actions.values() for step in action.steps)
        for node in graph.nodes:
            if node.name not in homes:
                continue
            held: dict[str, Holder] = {matrix.name: matrices[matrix.name] for matrix in node.matrices}
            if node.name in parameters:
                held[node.name] = parameters[node.name]
            self.all |= held
            self.of_layer[homes[node.name]] |= held
