"""The machine of docs/abstraction.md once more: a process for each stage, each message and the host.

Nothing of archsim is used. Durations follow from plain numbers (`Hardware`), the mapping from the sizes of
layers, and what happens at the same moment happens in the order in which it was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

from .cases import INPUT, Case, Matrix
from .clock import Clock, Process, Server, Signal, Space
from .pieces import Piece, backward, forward

__all__ = ["Machine"]


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


@dataclass
class Digital:
    """A job of the digital unit: operations for each sample, and numbers that it writes."""

    operations: int = 0
    elements: int = 0
    empty: bool = True

    def add(self, operations: int, elements: int) -> None:
        self.operations += operations
        self.elements += elements
        self.empty = False


class Machine:
    """A chip that does what its schedule says."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.clock = Clock()
        self.servers: dict[str, Server] = {}
        by_name = {layer.name: layer for layer in case.layers}
        self.stages = [[by_name[name] for name in names] for names in case.stages]
        self.nodes = 0
        self.homes: list[int] = []
        self.parts: dict[str, list[list[Part]]] = {}
        self._place()
        self.edges = self._edges()
        count = range(len(self.stages))
        self.footprints = [self._footprint(s) for s in count]
        places: dict[int, dict[int, int]] = {}
        for s in count:
            places.setdefault(self.homes[s], {})[s] = case.stored(s) * self.footprints[s]
        self.spaces = {home: Space(case.hardware.capacity, stages) for home, stages in places.items()}
        self.inputs = [[[Signal() for _ in self._into(s)] for _ in range(case.total)] for s in count]
        self.gradients = [[[Signal() for _ in self._out_of(s)] for _ in range(case.total)] for s in count]
        self.started = [[Signal() for _ in range(case.total)] for _ in count]
        self.unfinished = set(count)
        self._gone: dict[tuple[int, int], int] = {}

    def run(self) -> None:
        """Do everything that the schedule says."""
        for s in range(len(self.stages)):
            self.clock.start(self._stage(s))
        for edge in self.edges:
            if edge.source < 0:
                self.clock.start(self._host(edge))
        self.clock.run()

    def server(self, name: str, number: int | None = None) -> Server:
        link = name == "bus" or name.startswith("link ")
        policy = self.case.hardware.links if link else self.case.hardware.units
        name = name if number is None else f"{name} {number}"
        return self.servers.setdefault(name, Server(self.clock, name, policy))

    # Where everything lies

    def _place(self) -> None:
        """Give each place as many nodes as the parts of its stages need, one behind the other."""
        hardware = self.case.hardware
        cut = {
            layer.name: [hardware.parts(matrix.inputs, matrix.outputs) for matrix in layer.matrices]
            for layer in self.case.layers
        }
        place_of = self.case.places or range(len(self.stages))
        held = [
            [layer for at, stage in zip(place_of, self.stages, strict=True) if at == place for layer in stage]
            for place in range(max(place_of) + 1)
        ]
        tiles = [sum(len(parts) for layer in layers for parts in cut[layer.name]) for layers in held]
        needed = [max(1, ceil(count / hardware.node_tiles)) for count in tiles]
        self.nodes = sum(needed)
        order = hardware.nodes(self.nodes)
        homes = []
        for layers, count in zip(held, needed, strict=True):
            nodes, order = order[:count], order[count:]
            homes.append(nodes[0])
            free = iter([(node * hardware.node_tiles + n, node) for node in nodes for n in range(hardware.node_tiles)])
            for layer in layers:
                self.parts[layer.name] = [[Part(*size, *next(free)) for size in parts] for parts in cut[layer.name]]
        self.homes = [homes[place] for place in place_of]

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

    def _into(self, stage: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.target == stage]

    def _out_of(self, stage: int) -> list[Edge]:
        return [edge for edge in self.edges if edge.source == stage]

    def _footprint(self, stage: int) -> int:
        """Return the bytes that a micro-batch takes: inputs and results, errors and gradients that come back."""
        elements = sum(edge.elements for edge in self._into(stage))
        elements += sum(layer.size for layer in self.stages[stage])
        if self.case.trains:
            elements += sum(m.vectors * m.outputs for layer in self.stages[stage] for m in layer.matrices)
            elements += sum(edge.elements for edge in self._out_of(stage) if edge.gradient)
        return self.case.hardware.bytes(elements) * self.case.samples

    def _claims(self, edge: Edge) -> bool:
        """Return whether a micro-batch claims its space with this input: that from the earliest stage."""
        return edge is min(self._into(edge.target), key=lambda other: other.source)

    def _claim(self, stage: int) -> Signal:
        return self.spaces[self.homes[stage]].claim(stage, self.footprints[stage])

    def _release(self, stage: int, count: int = 1) -> None:
        self.spaces[self.homes[stage]].release(stage, self.footprints[stage] * count)

    # What a stage does

    def _stage(self, s: int) -> Process:
        for kind, k, count in self.case.doings(s):
            yield from {"F": self.inputs[s][k], "B": self.gradients[s][k]}.get(kind, [])
            start = self.clock.now
            if kind == "F":
                self.started[s][k].fire()
            do = {"F": self._forward, "B": self._backward, "U": self._update, "T": self._transfer}[kind]
            yield from do(s, k, count)
            self.clock.did(f"stage {s}", start, self.clock.now, kind, k)
            if kind == "F":
                for edge in self._out_of(s):
                    self.clock.start(self._hand_on(edge, k))
                if not self.case.trains and not self._out_of(s):
                    self._release(s)
            elif kind == "B":
                for edge in self._into(s):
                    if edge.source >= 0:
                        self.clock.start(self._hand_back(edge, k))
            elif kind == "U":
                self._release(s, count)
        self.unfinished.remove(s)

    def _forward(self, s: int, k: int, count: int) -> Process:
        last = s + 1 == len(self.stages)
        yield from self._together(s, "F", k, forward(self.case, self.stages[s], self._cuts(s), last=last))

    def _backward(self, s: int, k: int, count: int) -> Process:
        yield from self._together(s, "B", k, backward(self.case, self.stages[s], self._cuts(s)))

    def _cuts(self, s: int) -> dict[str, list[list[tuple[int, int]]]]:
        """Return the sizes of the parts of each matrix of a stage."""
        return {
            layer.name: [[(part.rows, part.columns) for part in parts] for parts in self.parts[layer.name]]
            for layer in self.stages[s]
        }

    def _together(self, s: int, kind: str, k: int, pieces: list[Piece]) -> Process:
        """Each piece as soon as those are done that it waits for, chunk by chunk."""
        case = self.case
        done = {piece: [Signal() for _ in range(piece.chunks(case.samples, case.chunk))] for piece in pieces}
        for piece in pieces:
            self.clock.start(self._flow(s, kind, k, piece, done))
        yield from [signals[-1] for signals in done.values()]

    def _flow(self, s: int, kind: str, k: int, piece: Piece, done: dict[Piece, list[Signal]]) -> Process:
        samples, size = self.case.samples, self.case.chunk
        for chunk, signal in enumerate(done[piece]):
            for other in piece.needs:
                yield done[other][piece.awaited(other, chunk, samples, size)]
            ask = self._digital_chunk if piece.matrix is None else self._read_chunk
            self.clock.start(ask(s, kind, k, piece, chunk)).then(signal.fire)

    def _share(self, piece: Piece, chunk: int, of_sample: int) -> int:
        """Return the share of a chunk, in proportion to its vectors; shares are whole and add up."""
        samples = self.case.samples
        first, last = piece.bounds(chunk, samples, self.case.chunk)
        total = of_sample * samples
        return total * last // (samples * piece.vectors) - total * first // (samples * piece.vectors)

    def _digital_chunk(self, s: int, kind: str, k: int, piece: Piece, chunk: int) -> Process:
        operations = self._share(piece, chunk, piece.operations)
        done = self.server("nmpu", self.homes[s]).serve(self.case.hardware.digital(operations), s, kind, k).done
        if piece.elements:
            size = self._share(piece, chunk, self.case.hardware.bytes(piece.elements))
            written = self.server("buffer", self.homes[s]).serve(self.case.hardware.moved(size), s, kind, k).done
            yield written
        yield done

    def _read_chunk(self, s: int, kind: str, k: int, piece: Piece, chunk: int) -> Process:
        """All parts of a matrix side by side, and beside them the traffic at the port."""
        matrix, hardware, is_last = (
            piece.matrix,
            self.case.hardware,
            chunk + 1 == piece.chunks(self.case.samples, self.case.chunk),
        )
        assert matrix is not None
        first, last = piece.bounds(chunk, self.case.samples, self.case.chunk)
        pending = []
        for part in self.parts[piece.layer][piece.number]:
            there, back = (part.rows, part.columns) if kind == "F" else (part.columns, part.rows)
            # A tile that is not at its last chunk takes the next one before the last read is out.
            lag = 0 if is_last else hardware.lag(back)
            job = hardware.read(back, last - first) - lag, lag
            sizes = [hardware.bytes(lines) * (last - first) for lines in (there, back)]
            pending.append(self.clock.start(self._part(s, kind, k, part, job, sizes)))
        size = hardware.bytes(matrix.inputs if kind == "F" else matrix.outputs) * (last - first)
        pending.append(self.server("buffer", self.homes[s]).serve(hardware.moved(size), s, kind, k).done)
        yield from pending

    def _part(self, s: int, kind: str, k: int, part: Part, job: tuple[int, int], sizes: list[int]) -> Process:
        """A part on another node is sent its operands and sends its results back."""
        home, away = self.homes[s], part.node != self.homes[s]
        if away:
            yield self.clock.start(self._travel(s, home, part.node, sizes[0], kind, k))
        yield self.server("tile", part.tile).serve(job[0], s, kind, k).done
        if job[1]:
            yield job[1]
        if away:
            yield self.clock.start(self._travel(s, part.node, home, sizes[1], kind, k))

    def _update(self, s: int, k: int, count: int) -> Process:
        for layer in self.stages[s]:
            if layer.trains:
                job = Digital()
                job.add(sum(m.vectors * (m.inputs + m.outputs) for m in layer.matrices), 0)
                yield from self._digital(s, "U", k, count, job)
                for matrix, parts in zip(layer.matrices, self.parts[layer.name], strict=True):
                    yield from self._pulses(s, k, count, matrix, parts)

    def _pulses(self, s: int, k: int, count: int, matrix: Matrix, parts: list[Part]) -> Process:
        """Outer products on the tiles, and behind them the lines that are transferred with them."""
        hardware = self.case.hardware
        lines = 0 if self.case.separate else self._lines(k, count, matrix)
        pulses = hardware.update(count * self.case.samples * matrix.vectors)
        durations = [pulses + hardware.transfer(part.columns, lines) for part in parts]
        sent = [(matrix.vectors * (part.rows + part.columns), 0) for part in parts]
        elements = matrix.vectors * (matrix.inputs + matrix.outputs)
        yield from self._on_tiles(s, "U", k, count, parts, durations, sent, elements)
        if self.case.transfer_every and not self.case.separate:
            yield from self._moved(s, "U", k, lines, parts)

    def _transfer(self, s: int, k: int, count: int) -> Process:
        """What was not transferred with the updates; it stays on its tiles."""
        for layer in self.stages[s]:
            for matrix, parts in zip(layer.matrices if layer.trains else (), self.parts[layer.name], strict=False):
                lines = self._lines(k, count, matrix)
                durations = [self.case.hardware.transfer(part.columns, lines) for part in parts]
                yield from [
                    self.server("tile", part.tile).serve(duration, s, "T", k).done
                    for part, duration in zip(parts, durations, strict=True)
                ]
                yield from self._moved(s, "T", k, lines, parts)

    def _lines(self, k: int, count: int, matrix: Matrix) -> int:
        """Return how many lines are due with the vectors of some micro-batches."""
        every, each = self.case.transfer_every, self.case.samples * matrix.vectors
        return (k + 1) * each // every - (k + 1 - count) * each // every if every else 0

    def _moved(self, s: int, kind: str, k: int, lines: int, parts: list[Part]) -> Process:
        """What was read is added up in the digital unit, for all parts together; nothing is kept in the buffer.

        Both are asked, and waited for, even if there is nothing to do.
        """
        operations = lines * sum(part.rows + part.columns for part in parts)
        done = self.server("nmpu", self.homes[s]).serve(self.case.hardware.digital(operations), s, kind, k).done
        yield from [done, self._port(s, kind, k, 0)]

    def _on_tiles(
        self,
        s: int,
        kind: str,
        k: int,
        count: int,
        parts: list[Part],
        durations: list[int],
        sent: list[tuple[int, int]],
        elements: int,
    ) -> Process:
        """All parts of a matrix side by side, and beside them the traffic at the port."""
        pending = []
        for part, duration, (there, back) in zip(parts, durations, sent, strict=True):
            if part.node == self.homes[s]:
                pending.append(self.server("tile", part.tile).serve(duration, s, kind, k).done)
            else:
                vectors = self.case.samples * count
                process = self._remote(s, part, duration, there * vectors, back * vectors, kind, k)
                pending.append(self.clock.start(process))
        pending.append(self._port(s, kind, k, elements * count))
        yield from pending

    def _remote(self, s: int, part: Part, duration: int, there: int, back: int, kind: str, k: int) -> Process:
        """A part on another node is sent its operands and sends its results back."""
        hardware = self.case.hardware
        yield self.clock.start(self._travel(s, self.homes[s], part.node, hardware.bytes(there), kind, k))
        yield self.server("tile", part.tile).serve(duration, s, kind, k).done
        yield self.clock.start(self._travel(s, part.node, self.homes[s], hardware.bytes(back), kind, k))

    def _digital(self, s: int, kind: str, k: int, count: int, job: Digital) -> Process:
        if job.empty:
            return
        operations = job.operations * self.case.samples * count
        done = self.server("nmpu", self.homes[s]).serve(self.case.hardware.digital(operations), s, kind, k).done
        written = [self._port(s, kind, k, job.elements * count)] if job.elements else []
        yield from [done, *written]

    def _port(self, s: int, kind: str, k: int, elements: int) -> Signal:
        duration = self.case.hardware.moved(self.case.hardware.bytes(elements) * self.case.samples)
        return self.server("buffer", self.homes[s]).serve(duration, s, kind, k).done

    # What crosses the borders of stages

    def _hand_on(self, edge: Edge, k: int) -> Process:
        """A value sets out when its micro-batch has space where it goes."""
        place = self._into(edge.target).index(edge)
        if self._claims(edge):
            yield self._claim(edge.target)
        self._gone[edge.source, k] = self._gone.get((edge.source, k), 0) + 1
        if not self.case.trains and self._gone[edge.source, k] == len(self._out_of(edge.source)):
            # Nobody will need what was stored here, once all that goes on has gone.
            self._release(edge.source)
        size = self.case.hardware.bytes(edge.elements) * self.case.samples
        yield from self._travel(edge.source, self.homes[edge.source], self.homes[edge.target], size, "F", k)
        self.inputs[edge.target][k][place].fire()

    def _hand_back(self, edge: Edge, k: int) -> Process:
        size = self.case.hardware.bytes(edge.elements) * self.case.samples if edge.gradient else 0
        yield from self._travel(edge.target, self.homes[edge.target], self.homes[edge.source], size, "B", k)
        self.gradients[edge.source][k][self._out_of(edge.source).index(edge)].fire()

    def _host(self, edge: Edge) -> Process:
        """The host brings samples to a stage, some micro-batches ahead of its forwards."""
        hardware, place = self.case.hardware, self._into(edge.target).index(edge)
        for k in range(self.case.total):
            if k >= hardware.prefetch:
                yield self.started[edge.target][k - hardware.prefetch]
            if self._claims(edge):
                yield self._claim(edge.target)
            self.clock.start(self._deliver(edge, place, k))

    def _deliver(self, edge: Edge, place: int, k: int) -> Process:
        """Through the port of the host, which is at the first stage, and on to the stage that wants it."""
        elements = edge.elements * self.case.samples
        size = self.case.hardware.bytes(elements)
        yield self.server("host").serve(self.case.hardware.at_host(elements), edge.target, "F", k).done
        yield from self._travel(edge.target, self.homes[0], self.homes[edge.target], size, "F", k)
        self.inputs[edge.target][k][place].fire()

    def _travel(self, stage: int, source: int, target: int, size: int, kind: str, k: int) -> Process:
        """From link to link, on behalf of a stage; the head goes on a hop after it took one."""
        if source == target or not size:
            yield 0
            return
        hardware = self.case.hardware
        occupied = hardware.on_link(size)
        *first, last = hardware.route(source, target, self.nodes)
        for link in first:
            yield self.server(link).serve(occupied, stage, kind, k).started
            yield hardware.hop_time()
        yield self.server(last).serve(occupied, stage, kind, k).done
