"""Small experiments in plain numbers, the documents that say the same, and the lists of actions they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

from archsim.schedule import Schedule

from .hardware import Hardware
from .orders import IN_TURN, bounded, listed, one_forward_one_backward, zero_bubble

__all__ = ["ELEMENT_WISE", "INPUT", "LOSSES", "Action", "Barrier", "Case", "Layer", "Matrix", "Recurrence"]

INPUT = "input"
#: Element-wise functions, and operations on each number, forward and backward alike.
ELEMENT_WISE = {"tanh": 1, "sigmoid": 1, "relu": 1, "identity": 0}
#: Operations on each output of the network for its loss.
LOSSES = {"softmax-cross-entropy": 3, "mean-squared-error": 2}


class Action(NamedTuple):
    """What a stage does, with which micro-batch (the last one of several), and for how many.

    `part` says of which part of it a unit is asked: by this the same work is known again in another run.
    """

    stage: int
    kind: str
    micro_batch: int
    count: int
    part: tuple[object, ...] = ()


@dataclass(frozen=True)
class Matrix:
    """A matrix on crossbars, and how many vectors of a sample meet it.

    Of a recurrent layer, `of_input` and `of_state` say what the vectors are made of.
    """

    inputs: int
    outputs: int
    vectors: int = 1
    of_input: bool = True
    of_state: bool = False


@dataclass(frozen=True)
class Recurrence:
    """What a layer does whose matrices are read in each time step, with what came of the step before.

    For a sample and a step: numbers of its state, numbers that are kept beside it for the gradient, and operations that
    make the next state, and the gradient at the last one.
    """

    state: int
    kept: int
    forward: int
    backward: int


@dataclass(frozen=True)
class Barrier:
    """What a layer does that needs all of a micro-batch in training, and trains numbers of its own.

    Operations for a micro-batch, beside those for its samples; numbers that it keeps of a micro-batch; operations for a
    sample where nothing is trained; and how many numbers are trained.
    """

    forward: int
    backward: int
    update: int
    kept: int
    evaluation: int
    trained: int


@dataclass(frozen=True)
class Layer:
    """An operator: where its inputs come from, what it gives, and what it asks for.

    `forward` and `backward` are the operations of the digital unit for a sample, beside those of matrices.
    """

    name: str
    kind: str
    sources: tuple[str, ...]
    shape: tuple[int, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    matrices: tuple[Matrix, ...] = ()
    forward: int = 0
    backward: int = 0
    #: Whether it begins only when a whole sample is there.
    whole: bool = False
    recurrence: Recurrence | None = None
    barrier: Barrier | None = None

    @property
    def steps(self) -> int:
        """Time steps in which its matrices are read; all vectors at once are one."""
        return self.matrices[0].vectors if self.recurrence else 1

    def values(self, *, trains: bool) -> int:
        """Return the numbers that are kept of its forward for a sample: of a recurrence, what each step leaves."""
        if not (self.recurrence and trains):
            return self.size
        return self.steps * (self.recurrence.state + self.recurrence.kept)

    @property
    def size(self) -> int:
        """Numbers that it gives for a sample."""
        return prod(self.shape)

    @property
    def trains(self) -> bool:
        """Whether it has something to learn."""
        return bool(self.matrices or self.barrier) and self.settings.get("trainable", True)

    @property
    def parameters(self) -> int:
        """Numbers that the digital unit trains: a bias for each output of a matrix, and what a barrier has."""
        biases = sum(matrix.outputs for matrix in self.matrices)
        return (biases + (self.barrier.trained if self.barrier else 0)) if self.trains else 0

    def section(self) -> dict[str, Any]:
        return {"name": self.name, "kind": self.kind, "inputs": list(self.sources), **self.settings}


@dataclass(frozen=True)
class Case:
    """A network on a chip under a schedule; `samples` are those of a micro-batch."""

    hardware: Hardware
    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    stages: tuple[tuple[str, ...], ...]
    loss: str
    kind: str
    update: str
    mini_batches: int
    micro_batches: int
    samples: int
    #: After how many vectors a line goes from the first array of a tile to the second; 0: there is one array.
    transfer_every: int = 0
    #: Whether that is an action T of its own.
    separate: bool = False
    #: The place of each stage; without it every stage has one of its own.
    places: tuple[int, ...] | None = None
    #: Vectors of a chunk; None: a micro-batch is one.
    chunk: int | None = None
    #: What overlaps: nothing, layers with what they do in other actions, or stages, too, which hand chunks on.
    overlap: str = "none"
    #: Whether initial weights are written first.
    programs: bool = False
    #: How late gradients may be, or how many mini-batches are asynchronous, where the kind of schedule asks for it.
    number: int = 0

    @property
    def trains(self) -> bool:
        return self.kind not in ("inference", "layer-serial")

    @property
    def serial(self) -> bool:
        """Whether the layers of a stage take the same tiles in turn."""
        return self.kind == "layer-serial"

    def called(self, action: Action) -> Action:
        """Return an action of a stage by the name that its kind has in a timeline."""
        if self.kind == "stash" and action.kind == "B":
            return action._replace(kind="Bs")
        return action._replace(kind="L") if self.serial else action

    @property
    def overlaps(self) -> bool:
        """Whether layers do their parts of several actions at a time."""
        return self.overlap != "none"

    @property
    def streams(self) -> bool:
        """Whether stages hand on what they make chunk by chunk; abstract ones do whole actions."""
        return self.overlap == "stages" and not self.hardware.engine

    @property
    def total(self) -> int:
        """Micro-batches of the run."""
        return self.mini_batches * self.micro_batches

    def document(self) -> dict[str, Any]:
        algorithm: Any = "analog-sgd"
        if self.transfer_every:
            algorithm = {"kind": "tiki-taka", "transfer_every": self.transfer_every, "units_in_mbatch": False}
        schedule: dict[str, Any] = {
            "kind": self.kind,
            "stages": [list(names) for names in self.stages],
            "micro_batches": self.micro_batches,
            "chunk_vectors": self.chunk,
            "overlap": self.overlap,
        }
        if self.kind == "bounded":
            schedule["staleness_max"] = self.number
        if self.kind == "hybrid":
            schedule["asynchronous_mini_batches"] = self.number
        if self.places is not None and self.kind not in IN_TURN:
            schedule["places"] = list(self.places)
        if self.trains:
            schedule["update"] = self.update
            schedule["transfers"] = "separate" if self.separate else "fused"
        return {
            "network": {
                "input_shape": list(self.input_shape),
                "layers": [layer.section() for layer in self.layers],
                "loss": self.loss,
            },
            "chip": self.hardware.section(),
            "data": {"samples": self.total * self.samples},
            "training": {
                "algorithm": algorithm,
                "learning_rate": 0.1,
                "mini_batch": self.micro_batches * self.samples,
            },
            "schedule": schedule,
            "run": {"mode": "timing", "program": self.programs},
        }

    def needs_gradient(self, name: str) -> bool:
        """Return whether something before a value learns."""
        found = {INPUT: False}
        for layer in self.layers:
            found[layer.name] = layer.trains or any(found[source] for source in layer.sources)
        return found[name]

    def actions(self, stage: int) -> Iterator[Action]:
        """Yield what a stage does, in order."""
        applied = moved = 0
        for kind, micro_batch in self._order(stage):
            if kind != "U":
                yield Action(stage, kind, micro_batch, 1)
                if kind == "F" or self.update == "scheduled":
                    continue
                # All schedules here do the backwards in the order of the micro-batches.
                if self.update == "deferred" and (micro_batch + 1) % self.micro_batches:
                    continue
            before, applied = applied, micro_batch + 1
            yield Action(stage, "U", micro_batch, applied - before)
            if any(applied // interval > before // interval for interval in self._intervals(stage)):
                yield Action(stage, "T", micro_batch, applied - moved)
                moved = applied

    def _intervals(self, stage: int) -> set[int]:
        """Return after how many micro-batches matrices of a stage are transferred by actions of their own."""
        matrices = [
            m for layer in self.layers if layer.name in self.stages[stage] and layer.trains for m in layer.matrices
        ]
        return {self.transfer_every // (self.samples * m.vectors) for m in matrices} if self.separate else set()

    def stored(self, stage: int) -> int:
        """Return how many micro-batches a stage stores at most."""
        held = most = 0
        for _, kind, _, count, _ in self.actions(stage):
            held += {"F": 1, "U": -count}.get(kind, 0)
            most = max(most, held)
            held -= not self.trains
        return most

    def _order(self, stage: int) -> Iterator[tuple[str, int]]:
        """Yield forwards and backwards; updates, too, where the schedule places them itself."""
        count, each = len(self.stages), self.micro_batches
        if not self.trains:
            yield from (("F", k) for k in range(self.total))
        elif self.kind in IN_TURN:
            steps = ((action.kind, action.micro_batch) for action in self._listed.stage(stage))
            yield from (step for step in steps if step[0] != "U" or self.update == "scheduled")
        elif self.kind == "bounded":
            yield from bounded(count, stage, self.total, self.number)
        elif self.kind == "hybrid":
            yield from self._first_late(stage)
        else:
            block = self.total if self.kind in ("asynchronous", "stash") else each
            ahead = {"gpipe": block, "sequential": 1}.get(self.kind, count - stage)
            for start in range(0, self.total, block):
                if self.update == "scheduled":
                    yield from zero_bubble(self.kind, count, stage, range(start, start + block))
                else:
                    yield from one_forward_one_backward(start, block, ahead)

    def _first_late(self, stage: int) -> Iterator[tuple[str, int]]:
        """Asynchronous mini-batches, each micro-batch applied at once, then synchronous ones."""
        each, ahead = self.micro_batches, len(self.stages) - stage
        change = min(self.number, self.mini_batches) * each
        for kind, k in one_forward_one_backward(0, change, ahead):
            yield kind, k
            yield from [("U", k)] * (kind == "B")
        for start in range(change, self.total, each):
            yield from one_forward_one_backward(start, each, ahead)
            yield "U", start + each - 1

    @property
    def _listed(self) -> Schedule:
        return listed(self.kind, len(self.stages), self.mini_batches, self.micro_batches, self.update)

    def turns(self, place: int) -> Iterator[int]:
        """Yield the stages of a place as it begins their actions: a T with the U that it follows."""
        if self.kind not in IN_TURN:
            return
        own = {stage: list(self.actions(stage)) for stage, at in enumerate(self.places or ()) if at == place}
        for stage, _ in self._listed.place(place):
            yield stage
            own[stage].pop(0)
            if own[stage] and own[stage][0].kind == "T":
                yield stage
                own[stage].pop(0)
