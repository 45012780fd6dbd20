"""What stages do in an action: pieces of work, each when those before it are done and it is its layers' turn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .cases import Action, Case, Layer, Matrix
from .clock import Clock, Gate, Process, Signal
from .layout import Layout, Part
from .pieces import Piece, backward, changes, forward
from .units import Units

__all__ = ["Actions", "Borders"]

#: Chunks of a value or gradient by its name: their signals, and the vectors in which a sample comes.
Arrivals = Mapping[str, list[tuple[list[Signal], int]]]


@dataclass(frozen=True)
class Borders:
    """What an action hands on and takes chunk by chunk: by name, what comes in, and who is told of each chunk made."""

    arrivals: Arrivals = field(default_factory=dict)
    sent: list[tuple[str, Callable[[int], None]]] = field(default_factory=list)


@dataclass(frozen=True)
class Chunk:
    """A chunk of a piece: it is done for the rest of its stage first, then for others, then for the action."""

    done: Signal = field(default_factory=Signal)
    out: Signal = field(default_factory=Signal)
    ended: Signal = field(default_factory=Signal)


class Actions:
    """Pieces of the actions of all stages, and how they are done."""

    def __init__(self, case: Case, clock: Clock, layout: Layout, units: Units) -> None:
        self.case = case
        self.clock = clock
        self.layout = layout
        self.units = units
        self.hardware = case.hardware
        self._pieces: dict[tuple[int, str], list[Piece]] = {}

    def pieces(self, stage: int, kind: str) -> list[Piece]:
        """Return what a stage does in the actions of a kind."""
        if (stage, kind) not in self._pieces:
            self._pieces[stage, kind] = self._found(stage, kind)
        return self._pieces[stage, kind]

    def _found(self, stage: int, kind: str) -> list[Piece]:
        layers, cuts = self.layout.stages[stage], self.layout.cuts(stage)
        if kind == "F":
            return forward(self.case, layers, cuts, last=stage + 1 == len(self.layout.stages))
        return backward(self.case, layers, cuts) if kind == "B" else changes(self.case, layers, transfers=kind == "T")

    def layers(self, stage: int, piece: Piece) -> set[str]:
        """Return the layers for which a piece works: a digital one belongs to that with which its forward is done."""
        return {other.layer for other in self.pieces(stage, "F") if not set(piece.does).isdisjoint(other.does)}

    def giver(self, stage: int, kind: str, name: str) -> Piece | None:
        """Return the piece whose chunks a value or gradient has that leaves a stage: the last that adds to it."""
        makers = [piece for piece in self.pieces(stage, kind) if name in piece.makes]
        return makers[-1] if makers else None

    def do(self, action: Action, pieces: list[Piece], gates: Mapping[Piece, list[Gate]], borders: Borders) -> Process:
        """Each piece as soon as those are done that it waits for, chunk by chunk."""
        if self.hardware.engine:
            duration = self.hardware.engine.get(action.kind, 0) * action.count
            yield from self.units.engine(duration, self.case.called(action))
            return
        turns = {
            gate: gate.enter(count)
            for gate, count in Counter(gate for piece in pieces for gate in gates[piece]).items()
        }
        done = {piece: [Chunk() for _ in range(self.chunks(action.kind, piece))] for piece in pieces}
        for piece in pieces:
            mine = {gate: turns[gate] for gate in gates[piece]}
            self.clock.start(self._flow(action, piece, done, mine, borders.arrivals))
        for name, send in borders.sent:
            self.clock.start(self._sent([piece for piece in pieces if name in piece.makes], done, send))
        yield from [chunks[-1].ended for chunks in done.values()]

    def chunks(self, kind: str, piece: Piece) -> int:
        """Return how many chunks the block of a piece has."""
        return piece.chunks(self.case.samples, self.case.chunk) if kind in "FB" else 1

    def _flow(
        self,
        action: Action,
        piece: Piece,
        done: Mapping[Piece, list[Chunk]],
        turns: Mapping[Gate, Signal],
        arrivals: Arrivals,
    ) -> Process:
        size, samples = self.case.chunk, self.case.samples
        for chunk, signals in enumerate(done[piece]):
            for other in (*piece.needs, *piece.follows):
                at = piece.awaited(other, chunk, samples, size)
                yield done[other][min(at, len(done[other]) - 1)].done
            for name in piece.takes:
                for there, vectors in arrivals.get(name, []):
                    yield there[min(piece.awaited_sample(vectors, chunk, samples, size), len(there) - 1)]
            if not chunk:
                yield from turns.values()
            of = action._replace(part=(piece.layer, piece.number, piece.matrix is None, *piece.does, piece.step, chunk))
            asked = self.clock.start(self._chunk(of, piece, chunk))
            for signal in (signals.done, signals.out, signals.ended):
                asked.then(signal.fire)
        for gate in turns:
            asked.then(gate.passed)

    def _sent(self, makers: list[Piece], done: Mapping[Piece, list[Chunk]], send: Callable[[int], None]) -> Process:
        """Send a chunk of what several pieces may add to when the last of them has it, and the others its samples."""
        *others, last = makers
        for chunk, signals in enumerate(done[last]):
            yield signals.out
            for other in others:
                at = last.awaited_sample(other.vectors, chunk, self.case.samples, self.case.chunk)
                yield done[other][min(at, len(done[other]) - 1)].out
            send(chunk)

    def _chunk(self, action: Action, piece: Piece, chunk: int) -> Process:
        if action.kind == "U":
            return self._update(action, self._layer(piece))
        if action.kind == "T":
            return self._transfer(action, self._layer(piece))
        if piece.matrix is None:
            return self._digital(action, piece, chunk)
        if piece.writes:
            return self._write(action._replace(kind="P"), piece, piece.matrix)
        return self._read(action, piece, chunk, piece.matrix)

    def _layer(self, piece: Piece) -> Layer:
        return next(layer for layer in self.case.layers if layer.name == piece.layer)

    # Forwards and backwards

    def _share(self, piece: Piece, chunk: int, of_sample: int) -> int:
        """Return the share of a chunk, in proportion to its vectors; shares are whole and add up."""
        samples = self.case.samples
        first, last = piece.bounds(chunk, samples, self.case.chunk)
        total = of_sample * samples
        return total * last // (samples * piece.vectors) - total * first // (samples * piece.vectors)

    def _digital(self, action: Action, piece: Piece, chunk: int) -> Process:
        """A job of the digital unit, and beside it what it writes."""
        operations = self._share(piece, chunk, piece.operations) + piece.of_block
        done = self.clock.start(self.units.digital(operations, action))
        if piece.elements:
            yield self.units.port(self._share(piece, chunk, self.hardware.bytes(piece.elements)), action).done
        yield done

    def _read(self, action: Action, piece: Piece, chunk: int, matrix: Matrix) -> Process:
        """All parts of a matrix side by side, and beside them the traffic at the port."""
        hardware, forward = self.hardware, action.kind == "F"
        first, last = piece.bounds(chunk, self.case.samples, self.case.chunk)
        is_last = chunk + 1 == self.chunks(action.kind, piece)
        pending = []
        for part in self.layout.parts[piece.layer][piece.number]:
            there, back = (part.rows, part.columns) if forward else (part.columns, part.rows)
            # A tile that is not at its last chunk takes the next one before the last read is out.
            lag = 0 if is_last else hardware.lag(back)
            job = hardware.read(back, last - first) - lag, lag
            sizes = hardware.bytes(there) * (last - first), hardware.bytes(back) * (last - first)
            pending.append(self.clock.start(self._part(action, part, job, sizes)))
        size = hardware.bytes(matrix.inputs if forward else matrix.outputs) * (last - first)
        pending.append(self.units.port(size, action).done)
        yield from pending

    def _write(self, action: Action, piece: Piece, matrix: Matrix) -> Process:
        """All parts of a matrix side by side, line by line, and beside them the host, which delivers the weights."""
        hardware, parts = self.hardware, self.layout.parts[piece.layer][piece.number]
        pending = []
        for part in parts:
            duration = part.rows * hardware.written(part.columns, matrix.inputs)
            pending.append(self.units.tile(part, duration, action._replace(part=(*action.part, part.tile))).done)
        elements = sum(part.rows * part.columns for part in parts)
        pending.append(self.units.host(hardware.at_host(elements), action).done)
        yield from pending

    def _part(self, action: Action, part: Part, job: tuple[int, int], sizes: tuple[int, int]) -> Process:
        """A part on another node is sent its operands and sends its results back."""
        home, away = self.layout.homes[action.stage], part.node != self.layout.homes[action.stage]
        action = action._replace(part=(*action.part, part.tile))
        if away:
            yield self.clock.start(self.units.travel(home, part.node, sizes[0], action))
        yield self.units.tile(part, job[0], action).done
        if job[1]:
            yield job[1]
        if away:
            yield self.clock.start(self.units.travel(part.node, home, sizes[1], action))

    # Updates and transfers

    def _update(self, action: Action, layer: Layer) -> Process:
        """The digital unit prepares; then the matrices of a layer, together or one after the other."""
        operations = sum(m.vectors * (m.inputs + m.outputs) for m in layer.matrices) * self.case.samples
        operations += layer.barrier.update if layer.barrier else 0
        yield self.clock.start(self.units.digital(operations * action.count, action))
        yield from self._each_matrix(
            [
                self._pulses(action, matrix, parts)
                for matrix, parts in zip(layer.matrices, self.layout.parts[layer.name], strict=True)
            ]
        )

    def _transfer(self, action: Action, layer: Layer) -> Process:
        """What was not transferred with the updates; it stays on its tiles."""
        yield from self._each_matrix(
            [
                self._lines_moved(action, matrix, parts)
                for matrix, parts in zip(layer.matrices, self.layout.parts[layer.name], strict=True)
            ]
        )

    def _each_matrix(self, processes: list[Process]) -> Process:
        if self.case.overlaps:
            yield from [self.clock.start(process) for process in processes]
        else:
            for process in processes:
                yield from process

    def _pulses(self, action: Action, matrix: Matrix, parts: list[Part]) -> Process:
        """Outer products on the tiles, and behind them the lines that are transferred with them."""
        hardware, vectors = self.hardware, action.count * self.case.samples * matrix.vectors
        lines = 0 if self.case.separate else self._lines(action, matrix)
        pulses = hardware.update(vectors)
        pending = []
        for part in parts:
            job = pulses + hardware.transfer(part.columns, lines), 0
            sizes = hardware.bytes(part.rows + part.columns) * vectors, 0
            pending.append(self.clock.start(self._part(action, part, job, sizes)))
        pending.append(self.units.port(hardware.bytes(matrix.inputs + matrix.outputs) * vectors, action).done)
        yield from pending
        yield self.clock.start(self._added(action, lines, parts))

    def _lines_moved(self, action: Action, matrix: Matrix, parts: list[Part]) -> Process:
        lines = self._lines(action, matrix)
        durations = [self.hardware.transfer(part.columns, lines) for part in parts]
        yield from [
            self.units.tile(part, duration, action).done for part, duration in zip(parts, durations, strict=True)
        ]
        yield self.clock.start(self._added(action, lines, parts))

    def _lines(self, action: Action, matrix: Matrix) -> int:
        """Return how many lines are due with the vectors of some micro-batches."""
        every, each = self.case.transfer_every, self.case.samples * matrix.vectors
        after = action.micro_batch + 1
        return after * each // every - (after - action.count) * each // every if every else 0

    def _added(self, action: Action, lines: int, parts: list[Part]) -> Process:
        """What was read is added up in the digital unit, for all parts together; nothing is kept in the buffer."""
        if self.case.transfer_every and (action.kind == "T" or not self.case.separate):
            yield self.clock.start(self.units.digital(lines * sum(p.rows + p.columns for p in parts), action))
