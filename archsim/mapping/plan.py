"""The plan: which part of which matrix lies on which tile, which stage owns it, and where that is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Part", "Placement", "Plan", "StagePlan"]


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of a matrix on one tile.

    Attributes
    ----------
    crossbar : int
        Number of the crossbar in the whole network, in layer order: it keys the random numbers, so
        it depends on the network and the tile size only, never on stages or places.
    tile : int
        Physical tile; tile t belongs to node t // node_tiles.
    inputs, outputs : tuple of int
        Half-open ranges of the matrix's inputs (tile rows) and outputs (tile columns).
    """

    crossbar: int
    tile: int
    inputs: tuple[int, int]
    outputs: tuple[int, int]

    @property
    def rows(self) -> int:
        """Number of tile rows used."""
        return self.inputs[1] - self.inputs[0]

    @property
    def columns(self) -> int:
        """Number of tile columns used."""
        return self.outputs[1] - self.outputs[0]


@dataclass(frozen=True, slots=True)
class Placement:
    """A matrix cut into parts.

    Attributes
    ----------
    matrix : str
        Its name.
    layer : str
        The layer that holds it.
    vectors : int
        Vectors that meet it for each sample.
    parts : tuple of Part
        Row-major over (input cut, output cut).
    """

    matrix: str
    layer: str
    vectors: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage: its operators in order, its matrices, its home node and all its nodes."""

    index: int
    operators: tuple[str, ...]
    placements: tuple[Placement, ...]
    home: int
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """An immutable mapping of a network to a chip.

    Attributes
    ----------
    stages : tuple of StagePlan
        The stages, from the input side.
    nodes : int
        Nodes of the chip, used or not.
    node_tiles : int
        Tiles of each.
    tiles_used : int
        Tiles that hold a part of a matrix.
    """

    stages: tuple[StagePlan, ...]
    nodes: int
    node_tiles: int
    tiles_used: int

    @property
    def tiles(self) -> int:
        """Tiles of the chip, used or not."""
        return self.nodes * self.node_tiles
