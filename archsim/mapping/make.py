"""From a network and a chip to a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from archsim.chip.interconnects import checked_order, interconnect_kind, interconnect_of
from archsim.chip.specification import Chip
from archsim.errors import DoesNotFit, InputError, Shortage
from archsim.mapping.cut import MOST_CROSSBARS, Rectangle, grid, parts_of
from archsim.mapping.load import MatrixRates
from archsim.mapping.place import stages_at, stages_of_places
from archsim.mapping.plan import PlacePlan, Plan
from archsim.mapping.stages import divide
from archsim.network.graph import Graph, Matrix, Node

__all__ = ["make_plan"]


def make_plan(
    graph: Graph,
    chip: Chip,
    stages: int | Sequence[Sequence[str]],
    samples: int = 1,
    rates: Mapping[str, MatrixRates] | None = None,
    *,
    trains: bool = True,
    places: Sequence[int] | None = None,
    shares_tiles: bool = False,
    weight_sets: int = 1,
) -> Plan:
    """Map a network onto a chip.

    Matrices are cut into tiles (`archsim.mapping.cut`) or stay with a digital unit, layers go to contiguous stages
    (`archsim.mapping.stages`), and places take nodes in the order of the interconnect
    (`archsim.chip.interconnects`). The parts of a place's stages fill its nodes one after the other; places never
    share a node. The same arguments always give the same plan.

    Parameters
    ----------
    graph : Graph
        The network.
    chip : Chip
        The chip. With ``tiles: auto`` it is as large as the mapping needs, completed as the interconnect asks for.
    stages : int or sequence of sequences of str
        A number of stages to balance, or the names of each stage's layers.
    samples : int
        Samples of a micro-batch; the balance depends on it.
    rates : mapping of str to MatrixRates, optional
        What reads and updates of each matrix take, for the balance; those of the chip without it.
    trains : bool
        Whether stages are balanced by F, B and U, or by F alone.
    places : sequence of int, optional
        The place that holds each stage; without it every stage has one of its own.
    shares_tiles : bool
        Whether the layers of a stage lie on the same tiles, one at a time.
    weight_sets : int
        How many sets of crossbars hold each matrix.

    Raises
    ------
    InputError
        If the stages cannot be made.
    DoesNotFit
        If the chip has too few tiles, with demand, supply and what would make it fit.
    """
    _check_parts(graph, chip, weight_sets)
    operators = divide(graph, chip, stages, samples, rates, trains=trains)
    parts = {matrix.name: _cut(matrix, chip) for matrix in graph.matrices}
    held = stages_of_places(places or range(len(operators)))
    nodes_of = [[graph[name] for name in names] for names in operators]
    taken = [weight_sets * _tiles(stage, parts, shares_tiles=shares_tiles) for stage in nodes_of]
    tiles = [sum(taken[stage] for stage in stages) for stages in held]
    nodes = [max(1, -(-count // chip.node_tiles)) for count in tiles]
    built = _nodes(chip, sum(tiles), sum(nodes), any(len(pieces) > 1 for pieces in parts.values()))
    order = iter(checked_order(interconnect_of(chip.interconnect, built)))
    located = [
        PlacePlan(place, stages_there, tuple(next(order) for _ in range(count)))
        for place, (stages_there, count) in enumerate(zip(held, nodes, strict=True))
    ]
    crossbars = _numbering(parts)
    found = [
        stage
        for place in located
        for stage in stages_at(
            place, nodes_of, crossbars, chip.node_tiles, shares_tiles=shares_tiles, weight_sets=weight_sets
        )
    ]
    found.sort(key=lambda stage: stage.index)
    return Plan(tuple(found), tuple(located), built, chip.node_tiles, sum(tiles))


def _cut(matrix: Matrix, chip: Chip) -> tuple[Rectangle, ...]:
    """Return the parts of a matrix on tiles; none where a digital unit holds it."""
    return () if matrix.digital else grid(matrix.size, chip.tile.rows, chip.tile.columns)


def _tiles(nodes: Iterable[Node], parts: Mapping[str, Sequence[Rectangle]], *, shares_tiles: bool) -> int:
    """Return the tiles of a stage: those of all its layers, or of the largest one, where they share them."""
    needed = [sum(len(parts[matrix.name]) for matrix in node.matrices) for node in nodes]
    return max(needed) if shares_tiles else sum(needed)


def _check_parts(graph: Graph, chip: Chip, weight_sets: int) -> None:
    """Refuse a network of more crossbars than can be told apart, before it is cut."""
    parts = {
        matrix.name: weight_sets * parts_of(matrix.size, chip.tile.rows, chip.tile.columns)
        for matrix in graph.matrices
        if not matrix.digital
    }
    if sum(parts.values()) > MOST_CROSSBARS:
        largest = max(parts, key=lambda name: parts[name])
        raise InputError(
            f"the network needs {sum(parts.values())} crossbars of {chip.tile.rows} x {chip.tile.columns} cells, "
            f"most of them for layer '{largest}'",
            field="chip.tile",
            value=f"rows {chip.tile.rows}, columns {chip.tile.columns}",
            allowed=f"up to {MOST_CROSSBARS} crossbars",
            remedy="take larger tiles or a smaller network",
        )


def _nodes(chip: Chip, tiles: int, nodes: int, cut: bool) -> int:
    """Return how many nodes the chip has, which must be as many as are needed."""
    if chip.tiles == "auto":
        return interconnect_kind(chip.interconnect).completed(nodes)
    supply, rest = divmod(chip.tiles, chip.node_tiles)
    if rest:
        raise InputError(
            f"every node has chip.node_tiles = {chip.node_tiles} tiles",
            field="chip.tiles",
            value=chip.tiles,
            allowed=f"a multiple of {chip.node_tiles}, or auto",
        )
    if nodes > supply:
        raise DoesNotFit("the network does not fit the chip", _shortages(chip, tiles, nodes, cut), field="chip.tiles")
    return supply


def _shortages(chip: Chip, tiles: int, nodes: int, cut: bool) -> tuple[Shortage, ...]:
    needed = nodes * chip.node_tiles
    larger_tiles = ", or larger chip.tile.rows and chip.tile.columns" if cut else ""
    found = [
        Shortage(
            f"tiles of {chip.tile.rows} x {chip.tile.columns}",
            str(tiles) if tiles == needed else f"{needed} ({tiles} used, the rest of their nodes empty)",
            str(chip.tiles),
            f"chip.tiles: {needed} or auto{larger_tiles}",
        )
    ]
    if nodes > -(-tiles // chip.node_tiles):
        found.append(
            Shortage(
                f"nodes of {chip.node_tiles} tiles",
                f"{nodes} (places do not share one)",
                str(int(chip.tiles) // chip.node_tiles),
                "fewer schedule.places or a smaller chip.node_tiles",
            )
        )
    return tuple(found)


def _numbering(parts: Mapping[str, Sequence[Rectangle]]) -> dict[str, tuple[tuple[int, Rectangle], ...]]:
    """Number the crossbars in the order of the matrices, whatever the stages are."""
    numbered: dict[str, tuple[tuple[int, Rectangle], ...]] = {}
    first = 0
    for name, rectangles in parts.items():
        numbered[name] = tuple(enumerate(rectangles, start=first))
        first += len(rectangles)
    return numbered
