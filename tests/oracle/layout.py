"""Where everything lies: stages at places, parts of matrices on tiles, and the values that go from stage to stage."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from .cases import INPUT, Case

__all__ = ["Edge", "Layout", "Part"]


@dataclass(frozen=True)
class Part:
    """A part of a matrix on a tile of a node."""

    rows: int
    columns: int
    tile: int
    node: int


@dataclass(frozen=True)
class Edge:
    """A value that goes from one stage (or the host: -1) to another."""

    name: str
    source: int
    target: int
    elements: int
    gradient: bool


class Layout:
    """A network on a chip.

    `places` says where stages are, `homes` at which nodes; `parts` are those of each layer's matrices, `footprints` the
    bytes that a micro-batch takes at each stage, `resident` those that are taken all the time.
    """

    def __init__(self, case: Case) -> None:
        self.case = case
        by_name = {layer.name: layer for layer in case.layers}
        self.stages = [[by_name[name] for name in names] for names in case.stages]
        self.places = case.places or tuple(range(len(self.stages)))
        self.nodes = 0
        self.homes: list[int] = []
        self.parts: dict[str, list[list[Part]]] = {}
        self._place()
        self.edges = self._edges()
        self.footprints = [self._footprint(s) for s in range(len(self.stages))]
        self.resident = [self._accumulated(s) for s in range(len(self.stages))]

    def into(self, stage: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.target == stage]

    def out_of(self, stage: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.source == stage]

    def claims(self, edge: Edge) -> bool:
        """Return whether a micro-batch claims its space with this input: that from the earliest stage."""
        return edge is min(self.into(edge.target), key=lambda other: other.source)

    def cuts(self, stage: int) -> dict[str, list[list[tuple[int, int]]]]:
        """Return the sizes of the parts of each matrix of a stage."""
        return {
            layer.name: [[(part.rows, part.columns) for part in parts] for parts in self.parts[layer.name]]
            for layer in self.stages[stage]
        }

    def _place(self) -> None:
        """Give each place as many nodes as the parts of its stages need, one behind the other."""
        hardware = self.case.hardware
        cut = {
            layer.name: [hardware.parts(matrix.inputs, matrix.outputs) for matrix in layer.matrices]
            for layer in self.case.layers
        }
        held = [
            [stage for at, stage in zip(self.places, self.stages, strict=True) if at == place]
            for place in range(max(self.places) + 1)
        ]
        taken = {layer.name: sum(map(len, cut[layer.name])) for layer in self.case.layers}
        together = max if self.case.serial else sum
        tiles = [sum(together(taken[layer.name] for layer in stage) for stage in stages) for stages in held]
        needed = [max(1, ceil(count / hardware.node_tiles)) for count in tiles]
        self.nodes = sum(needed)
        order = hardware.nodes(self.nodes)
        homes = []
        for stages, count in zip(held, needed, strict=True):
            nodes, order = order[:count], order[count:]
            homes.append(nodes[0])
            free = [(node * hardware.node_tiles + n, node) for node in nodes for n in range(hardware.node_tiles)]
            for stage in stages:
                first = list(free)
                for layer in stage:
                    # Layers that take the same tiles in turn all begin with the first.
                    free = list(first) if self.case.serial else free
                    self.parts[layer.name] = [
                        [Part(*size, *free.pop(0)) for size in parts] for parts in cut[layer.name]
                    ]
                free = first[together(taken[layer.name] for layer in stage) :]
        self.homes = [homes[place] for place in self.places]

    def _edges(self) -> list[Edge]:
        stage_of = {layer.name: s for s, stage in enumerate(self.stages) for layer in stage} | {INPUT: -1}
        sizes = {layer.name: layer.size for layer in self.case.layers} | {INPUT: prod(self.case.input_shape)}
        found: dict[tuple[str, int], Edge] = {}
        for layer in self.case.layers:
            target = stage_of[layer.name]
            for name in layer.sources:
                if stage_of[name] != target:
                    gradient = self.case.trains and self.case.needs_gradient(name)
                    found[name, target] = Edge(name, stage_of[name], target, sizes[name], gradient)
        return list(found.values())

    def _accumulated(self, stage: int) -> int:
        """Return the bytes in which gradients of digital numbers add up that wait for those of other micro-batches."""
        waits = self.case.trains and self.case.update != "immediate" and self.case.micro_batches > 1
        return self.case.hardware.bytes(sum(layer.parameters for layer in self.stages[stage])) if waits else 0

    def _footprint(self, stage: int) -> int:
        """Return the bytes that a micro-batch takes: inputs and results, errors and gradients that come back."""
        elements = sum(edge.elements for edge in self.into(stage))
        elements += sum(layer.values(trains=self.case.trains) for layer in self.stages[stage])
        if self.case.trains:
            elements += sum(m.vectors * m.outputs for layer in self.stages[stage] for m in layer.matrices)
            elements += sum(edge.elements for edge in self.out_of(stage) if edge.gradient)
        kept = sum(layer.barrier.kept for layer in self.stages[stage] if layer.barrier and self.case.trains)
        return self.case.hardware.bytes(elements) * self.case.samples + self.case.hardware.bytes(kept)
