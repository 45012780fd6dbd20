"""The plan: which part of which matrix lies on which tile, which stage owns it, and which place holds the stage."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Block", "Part", "PlacePlan", "Placement", "Plan", "StagePlan"]


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of a matrix.

    Attributes
    ----------
    inputs, outputs : tuple of int
        Half-open ranges of the matrix's inputs (tile rows) and outputs (tile columns).
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]

    @property
    def rows(self) -> int:
        """Number of inputs: tile rows used."""
        return self.inputs[1] - self.inputs[0]

    @property
    def columns(self) -> int:
        """Number of outputs: tile columns used."""
        return self.outputs[1] - self.outputs[0]


@dataclass(frozen=True, slots=True)
class Part(Block):
    """A rectangle of a matrix on one tile.

    Attributes
    ----------
    crossbar : int
        Number of the crossbar in the whole network, in layer order: it keys the random numbers, so
        it depends on the network and the tile size only, never on stages or places.
    tile : int
        Physical tile; tile t belongs to node t // node_tiles.
    """

    crossbar: int
    tile: int


@dataclass(frozen=True, slots=True)
class Placement:
    """A matrix cut into parts on tiles, or whole in the digital unit of its stage.

    Attributes
    ----------
    matrix : str
        Its name.
    layer : str
        The layer that holds it.
    vectors : int
        Vectors that meet it for each sample.
    parts : tuple of Part
        Row-major over (input cut, output cut); none where the digital unit holds it.
    whole : Block or None
        All of it, where the digital unit holds it.
    copies : tuple of tuple of Part
        The same parts on the tiles of further sets of crossbars, where the schedule has some.
    """

    matrix: str
    layer: str
    vectors: int
    parts: tuple[Part, ...]
    whole: Block | None = None
    copies: tuple[tuple[Part, ...], ...] = ()

    @property
    def sets(self) -> tuple[tuple[Part, ...], ...]:
        """Its parts on each set of crossbars."""
        return (self.parts, *self.copies)

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is computed at a time: its parts, or all of it."""
        return self.parts if self.whole is None else (self.whole,)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage: its operators in order, its matrices, and the place that holds it."""

    index: int
    operators: tuple[str, ...]
    placements: tuple[Placement, ...]
    place: int


@dataclass(frozen=True, slots=True)
class PlacePlan:
    """A place: the stages that it holds, and its nodes.

    The stages of a place share the digital unit and the buffer of its home, the first of its nodes.
    """

    index: int
    stages: tuple[int, ...]
    nodes: tuple[int, ...]

    @property
    def home(self) -> int:
        """The node of its digital unit and its buffer."""
        return self.nodes[0]


@dataclass(frozen=True, slots=True)
class Plan:
    """An immutable mapping of a network to a chip.

    Attributes
    ----------
    stages : tuple of StagePlan
        The stages, from the input side.
    places : tuple of PlacePlan
        The groups of nodes that hold them.
    nodes : int
        Nodes of the chip, used or not.
    node_tiles : int
        Tiles of each.
    tiles_used : int
        Tiles that hold a part of a matrix.
    """

    stages: tuple[StagePlan, ...]
    places: tuple[PlacePlan, ...]
    nodes: int
    node_tiles: int
    tiles_used: int

    def place_of(self, stage: int) -> PlacePlan:
        """Return the place of a stage."""
        return self.places[self.stages[stage].place]

    @property
    def tiles(self) -> int:
        """Tiles of the chip, used or not."""
        return self.nodes * self.node_tiles
