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

    `layer` is the one that it begins with, `number` that of the matrix there, `step` the time step of a recurrent one.
    `vectors` are those in which a sample passes it, `gives` is the layer whose result or gradients come of it,
    `collects` the layer whose reads it adds up. It needs what others give; `follows` those before it on its tiles.
    A matrix may also be written: for all vectors at once. So is digital work done that is a barrier, which has
    operations for the micro-batch beside those for its samples.
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
    step: int = 0
    writes: bool = False
    barrier: bool = False
    of_block: int = 0
    follows: list[Piece] = field(default_factory=list)
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

    @property
    def at_once(self) -> bool:
        """Whether it is not cut into chunks, whatever their size."""
        return self.writes or self.barrier

    def stop(self, operations: int) -> None:
        """Let it be a barrier, with more operations for a micro-batch."""
        self.barrier = True
        self.of_block += operations

    def chunks(self, samples: int, size: int | None) -> int:
        return 1 if size is None or self.at_once else ceil(samples * self.vectors / size)

    def bounds(self, chunk: int, samples: int, size: int | None) -> tuple[int, int]:
        """Return the first vector of a chunk and the one behind the last."""
        total = samples * self.vectors
        return (0, total) if size is None or self.at_once else (chunk * size, min((chunk + 1) * size, total))

    def awaited(self, other: Piece, chunk: int, samples: int, size: int | None) -> int:
        """Return the chunk of another piece that a chunk waits for."""
        if size is None or self.at_once or other.at_once:
            return other.chunks(samples, size) - 1
        if other.matrix is None or other.layer != self.collects or other.vectors != self.vectors:
            return self.awaited_sample(other.vectors, chunk, samples, size)
        return ceil(self.bounds(chunk, samples, size)[1] / size) - 1

    def awaited_sample(self, vectors: int, chunk: int, samples: int, size: int | None) -> int:
        """Return the chunk with which whole samples are there that come in so many vectors each."""
        if size is None:
            return 0
        if self.at_once:
            return samples * vectors
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
    return found.pop() if len(found) == 1 and not layer.recurrence else 1


def _vectors(layer: Layer, matrix: Matrix) -> int:
    """Return how many vectors a sample has in a read of a matrix: of a recurrent layer, in that of a time step."""
    return 1 if layer.recurrence else matrix.vectors


def _part_of(case: Case, alone: Callable[[str], bool], layer: Layer) -> Callable[[str], bool]:
    """Return whether a layer may go on in the job that gives a name: if it is alone with it, and both take any run."""
    whole = {other.name for other in case.layers if other.whole}
    return lambda name: alone(name) and whole.isdisjoint((name, layer.name))


def forward(
    case: Case, layers: Sequence[Layer], parts: dict[str, list[list[tuple[int, int]]]], *, last: bool
) -> list[Piece]:
    """Return the pieces of a forward; `parts` are the rows and columns of the parts of each layer's matrices."""
    pieces: list[Piece] = []
    home: dict[str, Piece] = {}
    for layer in layers:
        givers = _each([home[name] for name in layer.sources if name in home])

        def alone(name: str, layer: Layer = layer) -> bool:
            return [taker for taker in case.layers if name in taker.sources] == [layer]

        outside = [name for name in _each(layer.sources) if name not in home]
        piece = None if layer.matrices else _continued(givers, _part_of(case, alone, layer))
        if layer.matrices:
            found = _read_in_steps(case, layer, givers, parts[layer.name])
            for read in found[: len(layer.matrices)]:
                read.takes += outside
            if case.serial and sum(bool(other.matrices) for other in layers) > 1:
                pieces += _written(layer, pieces, found)
            pieces += found
            piece = found[-1]
        else:
            if piece is None:
                piece = Piece(givers, layer=layer.name)
                pieces.append(piece)
            piece.takes += outside
            if layer.barrier and not case.trains:
                piece.add(layer.barrier.evaluation, layer.size)
            else:
                piece.add(layer.forward, layer.size)
            if layer.barrier and case.trains:
                piece.stop(layer.barrier.forward)
            piece.does.append(layer.name)
        piece.gives = layer.name
        piece.makes.append(layer.name)
        home[layer.name] = piece
    if last and case.trains:
        piece.add(LOSSES[case.loss] * case.layers[-1].size, 0)
    return pieces


def _read_in_steps(case: Case, layer: Layer, givers: list[Piece], parts: list[list[tuple[int, int]]]) -> list[Piece]:
    """Return the reads of a layer, and the job that follows them: in each time step those that need the step before."""
    found: list[Piece] = []
    for step in range(layer.steps):
        reads = [
            Piece(list(givers), _vectors(layer, matrix), matrix, layer.name, number=n, step=step, does=[layer.name])
            for n, matrix in enumerate(layer.matrices)
        ]
        piece = Piece(list(reads), _same_vectors(layer), layer=layer.name, step=step, collects=layer.name)
        piece.does.append(layer.name)
        for matrix, cut in zip(layer.matrices, parts, strict=True):
            # Every converted number is scaled and added up; of a step, its state is written.
            vectors = _vectors(layer, matrix)
            piece.add(vectors * sum(columns for _, columns in cut), 0 if layer.recurrence else vectors * matrix.outputs)
        if layer.recurrence:
            kept = layer.recurrence.kept if case.trains else 0
            piece.add(layer.recurrence.forward, layer.recurrence.state + kept)
        found += [*reads, piece]
        givers = [piece]
    return found


def _written(layer: Layer, before: Sequence[Piece], found: Sequence[Piece]) -> list[Piece]:
    """Return the pieces that write a layer's matrices, when all reads before are done; its first reads follow them."""
    made = []
    for n, matrix in enumerate(layer.matrices):
        piece = Piece([], 1, matrix, layer.name, number=n, writes=True, does=[layer.name])
        piece.follows += [other for other in before if other.matrix is not None and not other.writes]
        found[n].follows.append(piece)
        made.append(piece)
    return made


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

        def alone(name: str, layer: Layer = layer) -> bool:
            return sources[name] == [layer.name]

        piece = _continued(givers, _part_of(case, alone, layer))
        if piece is None:
            piece = Piece(givers, layer=layer.name)
            pieces.append(piece)
        piece.does.append(layer.name)
        if back[layer.name]:
            piece.takes.append(layer.name)
        piece.add(max(back[layer.name] - 1, 0) * layer.size, 0)
        if not layer.matrices:
            piece.add(layer.backward, layer.size)
            if layer.barrier:
                piece.stop(layer.barrier.backward)
            piece.gives = layer.name
        else:
            found = _read_back_in_steps(layer, piece, parts[layer.name], returns=bool(sources[layer.name]))
            pieces += found
            if not sources[layer.name]:
                continue
            piece = found[-1]
            piece.gives = layer.name
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


def _read_back_in_steps(
    layer: Layer, piece: Piece, parts: list[list[tuple[int, int]]], *, returns: bool
) -> list[Piece]:
    """Return the transposed reads of a layer and the jobs behind them; the errors of the last time step are `piece`'s.

    Errors are scaled, and summed up for the bias. What was read in a step gives the errors of the one before.
    """
    errors = sum(_vectors(layer, matrix) * matrix.outputs for matrix in layer.matrices)
    errors += layer.recurrence.backward if layer.recurrence else 0
    piece.add(errors, 0)
    piece.gives = ""
    if layer.recurrence or not piece.collects:
        piece.vectors = _same_vectors(layer)
    found: list[Piece] = []
    for step in reversed(range(layer.steps)):
        reads = [
            Piece([piece], _vectors(layer, matrix), matrix, layer.name, number=n, step=step, does=[layer.name])
            for n, matrix in enumerate(layer.matrices)
            if (matrix.of_input and returns) or (matrix.of_state and step)
        ]
        if not reads:
            break
        piece = Piece(list(reads), _same_vectors(layer), layer=layer.name, step=step, collects=layer.name)
        piece.does.append(layer.name)
        for read in reads:
            rows, inputs = sum(rows for rows, _ in parts[read.number]), layer.matrices[read.number].inputs
            piece.add(read.vectors * rows, read.vectors * inputs)
        piece.add(errors if step else 0, 0)
        found += [*reads, piece]
    return found


def changes(case: Case, layers: Sequence[Layer], *, transfers: bool) -> list[Piece]:
    """Return the pieces of an update or of transfers: all that is done at a layer is one, layer after layer."""
    pieces: list[Piece] = []
    for layer in layers:
        if layer.trains and (layer.matrices or not transfers):
            needs = [] if case.overlaps else pieces[-1:]
            pieces.append(Piece(needs, layer=layer.name, does=[layer.name]))
    return pieces


def _stages_beside(case: Case, layers: Sequence[Layer], name: str) -> int:
    """Return how many other stages take a value of this one."""
    own = {layer.name for layer in layers}
    takers = {layer.name for layer in case.layers if name in layer.sources} - own
    return sum(not takers.isdisjoint(stage) for stage in case.stages)
