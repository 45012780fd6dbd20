"""What a stage does in a forward or backward, piece by piece, and which piece waits for which.

A piece is the read of one matrix, or a job of the digital unit. Work of the digital unit goes on in the job before it
if nothing else comes of that job's result, and if the job waits for all that the work needs anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TypeVar

from .cases import LOSSES, Case, Layer, Matrix

__all__ = ["Piece", "backward", "changes", "forward"]


@dataclass(eq=False)
class Piece:
    """A piece of work, for a sample: a read if there is a matrix, else operations and numbers that are written.

    `layer` is the one that it begins with, `number` that of the matrix there. `vectors` are those in which a sample
    passes it, `gives` is the layer whose result or gradients come of it, `collects` the layer whose reads it adds up.
    """

    needs: list[Piece]
    vectors: int = 1
    matrix: Matrix | None = None
    layer: str = ""
    operations: int = 0
    elements: int = 0
    gives: str = ""
    collects: str = ""
    number: int = 0
    #: The layers for which it does something.
    does: list[str] = field(default_factory=list)
    #: Values, or gradients, that it needs from other stages, and those that it makes, for its own stage or others.
    takes: list[str] = field(default_factory=list)
    makes: list[str] = field(default_factory=list)

    def add(self, operations: int, elements: int) -> None:
        self.operations += operations
        self.elements += elements

    def before(self) -> set[Piece]:
        """Return all that is done when it begins."""
        return set(self.needs).union(*(piece.before() for piece in self.needs))

    def chunks(self, samples: int, size: int | None) -> int:
        return 1 if size is None else ceil(samples * self.vectors / size)

    def bounds(self, chunk: int, samples: int, size: int | None) -> tuple[int, int]:
        """Return the first vector of a chunk and the one behind the last."""
        total = samples * self.vectors
        return (0, total) if size is None else (chunk * size, min((chunk + 1) * size, total))

    def awaited(self, other: Piece, chunk: int, samples: int, size: int | None) -> int:
        """Return the chunk of another piece that a chunk waits for."""
        if size is None:
            return 0
        if other.matrix is None or other.layer != self.collects or other.vectors != self.vectors:
            return self.awaited_sample(other.vectors, chunk, samples, size)
        return ceil(self.bounds(chunk, samples, size)[1] / size) - 1

    def awaited_sample(self, vectors: int, chunk: int, samples: int, size: int | None) -> int:
        """Return the chunk with which whole samples are there that come in so many vectors each."""
        if size is None:
            return 0
        last = ceil(self.bounds(chunk, samples, size)[1] / self.vectors) * vectors
        return ceil(last / size) - 1


def _continued(givers: Sequence[Piece], leads_on: Callable[[str], bool]) -> Piece | None:
    for piece in givers:
        if piece.gives and leads_on(piece.gives) and set(givers) - {piece} <= piece.before():
            return piece
    return None


T = TypeVar("T")


def _each(found: Sequence[T]) -> list[T]:
    return list(dict.fromkeys(found))


def _same_vectors(layer: Layer) -> int:
    found = {matrix.vectors for matrix in layer.matrices}
    return found.pop() if len(found) == 1 else 1


def forward(
    case: Case, layers: Sequence[Layer], parts: dict[str, list[list[tuple[int, int]]]], *, last: bool
) -> list[Piece]:
    """Return the pieces of a forward; `parts` are the rows and columns of the parts of each layer's matrices."""
    pieces: list[Piece] = []
    home: dict[str, Piece] = {}
    for layer in layers:
        givers = _each([home[name] for name in layer.sources if name in home])

        def leads_on(name: str, layer: Layer = layer) -> bool:
            return [taker for taker in case.layers if name in taker.sources] == [layer]

        outside = [name for name in _each(layer.sources) if name not in home]
        piece = None if layer.matrices else _continued(givers, leads_on)
        if piece is None:
            reads = [
                Piece(list(givers), matrix.vectors, matrix, layer.name, number=n, does=[layer.name])
                for n, matrix in enumerate(layer.matrices)
            ]
            piece = Piece(reads or givers, _same_vectors(layer) if reads else 1, layer=layer.name)
            piece.collects = layer.name if reads else ""
            for matrix, cut in zip(layer.matrices, parts[layer.name], strict=False):
                # Every converted number is scaled and added up.
                piece.add(matrix.vectors * sum(columns for _, columns in cut), matrix.vectors * matrix.outputs)
            pieces += [*reads, piece]
        for taker in reads if layer.matrices else [piece]:
            taker.takes += outside
        if not layer.matrices:
            piece.add(layer.forward, layer.size)
        piece.does.append(layer.name)
        piece.gives = layer.name
        piece.makes.append(layer.name)
        home[layer.name] = piece
    if last and case.trains:
        piece.add(LOSSES[case.loss] * case.layers[-1].size, 0)
    return pieces


def backward(case: Case, layers: Sequence[Layer], parts: dict[str, list[list[tuple[int, int]]]]) -> list[Piece]:
    """Return the pieces of a backward."""
    pieces: list[Piece] = []
    givers_of: dict[str, list[Piece]] = {}
    sources = {layer.name: _each([name for name in layer.sources if case.needs_gradient(name)]) for layer in layers}
    sizes = {layer.name: layer.size for layer in case.layers}
    back = {layer.name: _stages_beside(case, layers, layer.name) for layer in layers}
    # Where a gradient is already, the next one is added to it.
    handed = {name for name, stages in back.items() if stages}
    for layer in reversed(layers):
        if not case.needs_gradient(layer.name):
            continue
        givers = _each(givers_of.get(layer.name, []))

        def leads_on(name: str, layer: Layer = layer) -> bool:
            return sources[name] == [layer.name]

        piece = _continued(givers, leads_on)
        if piece is None:
            piece = Piece(givers, layer=layer.name)
            pieces.append(piece)
        piece.does.append(layer.name)
        if back[layer.name]:
            piece.takes.append(layer.name)
        piece.add(max(back[layer.name] - 1, 0) * layer.size, 0)
        if not layer.matrices:
            piece.add(layer.backward, layer.size)
            piece.gives = layer.name
        else:
            # The error is scaled, and summed up for the bias.
            piece.add(sum(matrix.vectors * matrix.outputs for matrix in layer.matrices), 0)
            piece.gives = ""
            if not piece.collects:
                piece.vectors = _same_vectors(layer)
            if not sources[layer.name]:
                continue
            reads = [
                Piece([piece], matrix.vectors, matrix, layer.name, number=n, does=[layer.name])
                for n, matrix in enumerate(layer.matrices)
            ]
            piece = Piece(list(reads), _same_vectors(layer), layer=layer.name, gives=layer.name, collects=layer.name)
            piece.does.append(layer.name)
            for matrix, cut in zip(layer.matrices, parts[layer.name], strict=True):
                piece.add(matrix.vectors * sum(rows for rows, _ in cut), matrix.vectors * matrix.inputs)
            pieces += [*reads, piece]
        for name in sources[layer.name]:
            givers_of.setdefault(name, []).append(piece)
            piece.makes += [name] if name not in piece.makes else []
        for name in layer.sources:
            if not case.needs_gradient(name):
                continue
            if name in handed:
                piece.add(sizes[name], 0)
            handed.add(name)
    return pieces


def changes(case: Case, layers: Sequence[Layer]) -> list[Piece]:
    """Return the pieces of an update or a transfer: all that is done at a layer is one, layer after layer."""
    pieces: list[Piece] = []
    for layer in layers:
        if layer.trains:
            needs = [] if case.overlaps else pieces[-1:]
            pieces.append(Piece(needs, layer=layer.name, does=[layer.name]))
    return pieces


def _stages_beside(case: Case, layers: Sequence[Layer], name: str) -> int:
    """Return how many other stages take a value of this one."""
    own = {layer.name for layer in layers}
    takers = {layer.name for layer in case.layers if name in layer.sources} - own
    return sum(not takers.isdisjoint(stage) for stage in case.stages)
