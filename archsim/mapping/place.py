"""Stages to places, and the parts of their matrices to the tiles of a place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from archsim.mapping.cut import Rectangle
from archsim.mapping.plan import Block, Part, Placement, PlacePlan, StagePlan
from archsim.network.graph import Node

__all__ = ["stages_at", "stages_of_places"]


def stages_of_places(places: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the stages of each place, from the place of each stage."""
    held: list[list[int]] = [[] for _ in range(max(places) + 1)]
    for stage, place in enumerate(places):
        held[place].append(stage)
    return [tuple(stages) for stages in held]


def stages_at(
    place: PlacePlan,
    operators: Sequence[Sequence[Node]],
    crossbars: Mapping[str, Sequence[tuple[int, Rectangle]]],
    node_tiles: int,
    *,
    shares_tiles: bool = False,
    weight_sets: int = 1,
) -> Iterator[StagePlan]:
    """Yield the stages of a place: their parts fill the tiles of its nodes one after the other.

    Parameters
    ----------
    place : PlacePlan
        The place.
    operators : sequence of sequences of Node
        The operators of each stage.
    crossbars : mapping of str to sequence of (int, Rectangle)
        The numbered parts of each matrix; none of those that digital units hold.
    node_tiles : int
        Tiles of a node.
    shares_tiles : bool
        Whether all layers of a stage begin at its first tile.
    weight_sets : int
        On how many tiles each part lies: neighbours, which share a node where there is room.
    """
    tiles = [node * node_tiles + slot for node in place.nodes for slot in range(node_tiles)]
    first, total = 0, sum(map(len, crossbars.values()))
    for stage in place.stages:
        placements = []
        free = last = first
        for operator in operators[stage]:
            free = first if shares_tiles else free
            for matrix in operator.matrices:
                numbered = crossbars[matrix.name]
                parts, *copies = (
                    tuple(
                        Part(*rectangle, number + own * total, tile)
                        for (number, rectangle), tile in zip(numbered, tiles[free + own :: weight_sets], strict=False)
                    )
                    for own in range(weight_sets)
                )
                whole = Block((0, matrix.inputs), (0, matrix.outputs)) if matrix.digital else None
                placements.append(Placement(matrix.name, operator.name, matrix.vectors, parts, whole, tuple(copies)))
                free += weight_sets * len(parts)
            last = max(last, free)
        first = last
        names = tuple(operator.name for operator in operators[stage])
        yield StagePlan(stage, names, tuple(placements), place.index)
