"""The machine of docs/abstraction.md once more: a process for each stage, each message and the host.

Nothing of archsim is used. Durations follow from plain numbers (`Hardware`), the mapping from the sizes of
layers, and what happens at the same moment happens in the order in which it was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .actions import Actions, Borders
from .cases import Action, Case
from .clock import Clock, Gate, Process, Signal, Space, Work
from .layout import Edge, Layout
from .units import Units

__all__ = ["Machine"]


class Machine:
    """A chip that does what its schedule says; where orders are told, each unit serves in its own."""

    def __init__(self, case: Case, orders: Mapping[str, Sequence[Work]] | None = None) -> None:
        self.case = case
        self.clock = Clock()
        self.layout = Layout(case)
        self.units = Units(self.clock, case.hardware, self.layout, orders)
        self.actions = Actions(case, self.clock, self.layout, self.units)
        count = range(len(case.stages))
        places: dict[int, dict[int, int]] = {}
        for s in count:
            places.setdefault(self.layout.places[s], {})[s] = case.stored(s) * self.layout.footprints[s]
        capacity, resident = case.hardware.capacity, self.layout.resident
        self.spaces = {
            place: Space(None if capacity is None else capacity - sum(resident[s] for s in stages), stages)
            for place, stages in places.items()
        }
        self.inputs = [[[Signal() for _ in self.layout.into(s)] for _ in range(case.total)] for s in count]
        self.gradients = [[[Signal() for _ in self.layout.out_of(s)] for _ in range(case.total)] for s in count]
        #: By edge and whether it is a gradient: the signals of the chunks of each micro-batch, and a sample's vectors.
        self.streams = self._streams() if case.streams else {}
        self.started = [[Signal() for _ in range(case.total)] for _ in count]
        self.unfinished = set(count)
        self._changed = [Signal() for _ in count]
        self._last_end = [0 for _ in count]
        self._gone: dict[tuple[int, int], int] = {}
        #: Stages in the order in which their place begins their actions, where the schedule says so.
        self._turns = {place: list(case.turns(place)) for place in places}

    def run(self) -> None:
        """Do everything that the schedule says."""
        for s in range(len(self.case.stages)):
            self.clock.start(self._stage(s))
        self.clock.start(self._samples())
        self.clock.run()

    # What a stage does

    def _stage(self, s: int) -> Process:
        """Start actions in their order, each when its inputs are there and the stage is free for it."""
        gates = self._gates(s)
        kept = {
            piece: [gate for layer, gate in gates.items() if layer in self.actions.layers(s, piece)]
            for kind in "FBUT"
            for piece in self.actions.pieces(s, kind)
        }
        ended = Signal()
        ended.fire()
        for action in self.case.actions(s):
            k = action.micro_batch
            yield from {"F": self.inputs[s][k], "B": self.gradients[s][k]}.get(action.kind, [])
            pieces = self.actions.pieces(s, action.kind)
            first = [kept[piece] for piece in pieces if not piece.needs]
            while not (self._has_turn(s) and (ended.fired or (gates and self._can_begin(first)))):
                yield self._changed[s]
            if action.kind == "F":
                self.started[s][k].fire()
            before, ended = ended, Signal()
            work = self.actions.do(action, pieces, kept, self._borders(action))
            turns = self._turns[self.layout.places[s]]
            del turns[:1]
            self.clock.start(self._action(action, work, before, ended))
            if turns and turns[0] != s:
                self._go_on(turns[0])
        yield ended
        self.unfinished.remove(s)

    def _has_turn(self, s: int) -> bool:
        turns = self._turns[self.layout.places[s]]
        return not turns or turns[0] == s

    def _streams(self) -> dict[tuple[Edge, bool], tuple[list[list[Signal]], int]]:
        """Return what stages hand on chunk by chunk: values to others, and gradients back."""
        found: dict[tuple[Edge, bool], tuple[list[list[Signal]], int]] = {}
        for edge in self.layout.edges:
            for back in (False, True):
                if edge.source < 0 or (back and not edge.gradient):
                    continue
                stage, kind = (edge.target, "B") if back else (edge.source, "F")
                giver = self.actions.giver(stage, kind, edge.name)
                if giver is None:
                    continue
                count = self.actions.chunks(kind, giver)
                signals = [[Signal() for _ in range(count)] for _ in range(self.case.total)]
                found[edge, back] = signals, giver.vectors
        return found

    def _borders(self, action: Action) -> Borders:
        """Return what an action takes from other stages chunk by chunk, and what it hands on to them."""
        s, k, found = action.stage, action.micro_batch, Borders()
        if action.kind not in "FB":
            return found
        back = action.kind == "B"
        takes, gives = (self.layout.out_of, self.layout.into) if back else (self.layout.into, self.layout.out_of)
        arrivals: dict[str, list[tuple[list[Signal], int]]] = {}
        for edge in takes(s):
            if (edge, back) in self.streams:
                signals, vectors = self.streams[edge, back]
                arrivals.setdefault(edge.name, []).append((signals[k], vectors))
        sent = [(edge.name, self._sender(edge, action)) for edge in gives(s) if (edge, back) in self.streams]
        return Borders(arrivals, sent)

    def _gates(self, s: int) -> dict[str, Gate]:
        """Return what lets a layer do its parts of actions in their order, where it need not wait for the others."""
        if not self.case.overlaps or self.case.hardware.engine:
            return {}
        layers = dict.fromkeys(piece.layer for piece in self.actions.pieces(s, "F"))
        return {layer: Gate(lambda: self._go_on(s)) for layer in layers}

    def _can_begin(self, first: list[list[Gate]]) -> bool:
        """Return whether an action has nothing to do, or something to begin with at layers that are free."""
        return not first or any(all(gate.free for gate in gates) for gates in first)

    def _go_on(self, s: int) -> None:
        """Let a stage see whether it can start its next action."""
        changed, self._changed[s] = self._changed[s], Signal()
        changed.fire()

    def _action(self, action: Action, work: Process, before: Signal, ended: Signal) -> Process:
        """An action, which ends after the one before it."""
        s, start = action.stage, self.clock.now
        yield self.clock.start(work)
        yield before
        # Of several under way, the oldest one stands for what the stage does.
        name = self.case.called(action).kind
        self.clock.did(f"stage {s}", max(start, self._last_end[s]), self.clock.now, name, action.micro_batch)
        self._last_end[s] = self.clock.now
        self._hand_over(action)
        ended.fire()
        self._go_on(s)

    def _hand_over(self, action: Action) -> None:
        s = action.stage
        if action.kind == "F":
            self._leave(action)
            for edge in self.layout.out_of(s):
                if (edge, False) not in self.streams:
                    self.clock.start(self._hand_on(edge, action))
        elif action.kind == "B":
            for edge in self.layout.into(s):
                if edge.source >= 0 and (edge, True) not in self.streams:
                    self.clock.start(self._hand_back(edge, action))
        elif action.kind == "U":
            self._release(s, action.count)

    # What crosses the borders of stages

    def _claim(self, edge: Edge) -> Process:
        """Space for all that a micro-batch will need at a stage is claimed with one of its inputs."""
        if self.layout.claims(edge):
            s = edge.target
            yield self.spaces[self.layout.places[s]].claim(s, self.layout.footprints[s])

    def _release(self, s: int, count: int = 1) -> None:
        self.spaces[self.layout.places[s]].release(s, self.layout.footprints[s] * count)

    def _hand_on(self, edge: Edge, action: Action) -> Process:
        """A value sets out when its micro-batch has space where it goes."""
        yield from self._claim(edge)
        self._leave(action)
        s, k, homes = action.stage, action.micro_batch, self.layout.homes
        message = action._replace(part=("message", edge.name, edge.target))
        yield from self.units.travel(homes[s], homes[edge.target], self._bytes(edge), message)
        self._input(edge, k).fire()

    def _leave(self, action: Action) -> None:
        """The action has ended, or a value of it has set out; after all of it nobody needs what was stored here."""
        s, k = action.stage, action.micro_batch
        self._gone[s, k] = self._gone.get((s, k), 0) + 1
        if not self.case.trains and self._gone[s, k] == len(self.layout.out_of(s)) + 1:
            self._release(s)

    def _input(self, edge: Edge, k: int) -> Signal:
        return self.inputs[edge.target][k][self.layout.into(edge.target).index(edge)]

    def _gradient(self, edge: Edge, k: int) -> Signal:
        return self.gradients[edge.source][k][self.layout.out_of(edge.source).index(edge)]

    def _bytes(self, edge: Edge) -> int:
        return self.case.hardware.bytes(edge.elements) * self.case.samples

    def _sender(self, edge: Edge, action: Action) -> Callable[[int], None]:
        """Return what takes each chunk of a value or a gradient when it is made; values wait for space first."""
        made = [Signal() for _ in self.streams[edge, action.kind == "B"][0][0]]
        self.clock.start(self._stream(edge, action, made))
        return lambda chunk: made[chunk].fire()

    def _stream(self, edge: Edge, action: Action, made: list[Signal]) -> Process:
        homes, back = self.layout.homes, action.kind == "B"
        ends = (edge.target, edge.source) if back else (edge.source, edge.target)
        signals, vectors = self.streams[edge, back]
        total, size = self.case.samples * vectors, self._bytes(edge)
        for chunk, ready in enumerate(made):
            yield ready
            if not (chunk or back):
                yield from self._claim(edge)
            if not back and chunk + 1 == len(made):
                self._leave(action)
            cut = [min(n * (self.case.chunk or total), total) if n < len(made) else total for n in (chunk, chunk + 1)]
            share = size * cut[1] // total - size * cut[0] // total
            first = (self._gradient if back else self._input)(edge, action.micro_batch)
            there = signals[action.micro_batch][chunk]
            message = action._replace(part=("message", edge.name, edge.target, chunk))
            self.clock.start(self._message((homes[ends[0]], homes[ends[1]]), share, message, [there, first]))

    def _message(self, nodes: tuple[int, int], size: int, action: Action, there: list[Signal]) -> Process:
        yield from self.units.travel(*nodes, size, action)
        for signal in there:
            if not signal.fired:
                signal.fire()

    def _hand_back(self, edge: Edge, action: Action) -> Process:
        homes = self.layout.homes
        size = self._bytes(edge) if edge.gradient else 0
        message = action._replace(part=("message", edge.name, edge.target))
        yield from self.units.travel(homes[edge.target], homes[edge.source], size, message)
        self._gradient(edge, action.micro_batch).fire()

    def _samples(self) -> Process:
        """The host brings samples once all weights are written."""
        if self.case.programs and not self.case.hardware.engine:
            yield from self._program()
        for edge in self.layout.edges:
            if edge.source < 0:
                self.clock.start(self._host(edge))

    def _program(self) -> Process:
        """Write all weights, tiles side by side, while the host delivers them."""
        hardware, write = self.case.hardware, Action(-1, "P", -1, 1)
        pending, elements = [], 0
        for layer in self.case.layers:
            for matrix, parts in zip(layer.matrices, self.layout.parts.get(layer.name, []), strict=True):
                for part in parts:
                    elements += part.rows * part.columns
                    duration = part.rows * hardware.written(part.columns, matrix.inputs)
                    pending.append(self.units.tile(part, duration, write).done)
        pending.append(self.units.host(hardware.at_host(elements), write).done)
        yield from pending

    def _host(self, edge: Edge) -> Process:
        """The host brings samples to a stage, some micro-batches ahead of its forwards."""
        ahead = self.case.hardware.prefetch
        for k in range(self.case.total):
            if k >= ahead:
                yield self.started[edge.target][k - ahead]
            yield from self._claim(edge)
            self.clock.start(self._deliver(edge, Action(edge.target, "F", k, 1, ("host", edge.name))))

    def _deliver(self, edge: Edge, action: Action) -> Process:
        """Through the port of the host, which is at the first stage, and on to the stage that wants it."""
        hardware, homes, elements = self.case.hardware, self.layout.homes, edge.elements * self.case.samples
        if not hardware.engine:
            yield self.units.host(hardware.at_host(elements), action).done
        yield from self.units.travel(homes[0], homes[edge.target], hardware.bytes(elements), action)
        self.inputs[edge.target][action.micro_batch][self.layout.into(edge.target).index(edge)].fire()
