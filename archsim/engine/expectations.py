"""What the training algorithm of each layer takes on average for each vector."""

from __future__ import annotations

from archsim.analog.algorithms import TileOutline, kind_of
from archsim.analog.observed import ExpectedUpdate
from archsim.chip.specification import Chip
from archsim.mapping.plan import Placement, Plan
from archsim.network.graph import Graph, Node
from archsim.specification import Specification

__all__ = ["Expectations", "expected_updates"]

#: For each layer with a matrix, what its parts take.
Expectations = dict[str, tuple[ExpectedUpdate, ...]]


def expected_updates(graph: Graph, chip: Chip, plan: Plan, algorithm: Specification, mini_batch: int) -> Expectations:
    """Return what an update of each part takes on average for each vector.

    Parameters
    ----------
    graph, chip, plan
        What is computed, on what, and where.
    algorithm : Specification
        Settings of the training algorithm of layers that name none.
    mini_batch : int
        Samples of a mini-batch.
    """
    return {
        placement.layer: _of_parts(graph[placement.layer], placement, chip, algorithm, mini_batch)
        for stage in plan.stages
        for placement in stage.placements
    }


def _of_parts(
    node: Node, placement: Placement, chip: Chip, algorithm: Specification, mini_batch: int
) -> tuple[ExpectedUpdate, ...]:
    settings = node.layer.algorithm or algorithm
    expected = kind_of(settings).expected
    device, vectors = node.layer.device or chip.device, mini_batch * node.vectors
    return tuple(
        expected(settings, TileOutline(part.columns, part.rows, vectors, device, chip.update))
        for part in placement.parts
    )
