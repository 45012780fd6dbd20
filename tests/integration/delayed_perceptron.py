"""A perceptron of four layers, one a stage, trained with late gradients: by hand on its arrays, and in plain NumPy.

Which weights a micro-batch meets is said in closed form, for each kind of schedule: how many updates a stage has made
before the forward of a micro-batch, and before its backward.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import archsim
from archsim import DataSet
from archsim.analog.copies import copy_array
from archsim.data import origin_of
from archsim.engine.events.fit import fitted
from archsim.engine.numerics.network import NumericNetwork, build_network
from archsim.engine.numerics.settings import Sources
from archsim.network.matrix import AnalogMatrix
from archsim.simulation.layout import lay_out
from archsim.simulation.length import epoch_samples, run_length
from archsim.simulation.prepared import scheduled
from archsim.simulation.settings import numeric_settings

#: Inputs of the layers, and outputs of the last one.
SIZES = (6, 5, 5, 5, 3)
STAGES = len(SIZES) - 1
PLACES = 2
MICRO_BATCHES, MINI_BATCHES = 8, 3
TOTAL = MICRO_BATCHES * MINI_BATCHES
SAMPLES = 2  # of a micro-batch
RATE = 2.0
#: Kinds whose order follows from filling waits step by step.
WITHOUT_FORMULA = ("zb-v", "dualpipe-v")


class Met(NamedTuple):
    """Updates of a stage before the forward, and before the backward, of a micro-batch."""

    forward: int
    backward: int


@dataclass(frozen=True)
class Late:
    """A schedule with late gradients.

    Attributes
    ----------
    schedule : dict
        The section ``schedule``.
    together : tuple of int
        How many micro-batches each update applies.
    stashes : bool
        Whether a backward meets the weights of its forward.
    """

    schedule: dict[str, Any]
    together: tuple[int, ...] = field(default=(1,) * TOTAL)
    stashes: bool = False

    @property
    def name(self) -> str:
        """What tests call it."""
        return "-".join(str(value) for value in self.schedule.values())

    def versions(self, stage: int) -> list[Met]:
        """Return which weights each micro-batch meets at a stage: by theory, where that has a formula."""
        if self.schedule["kind"] in WITHOUT_FORMULA:
            return counted(self, stage)
        return [met(self.schedule, stage, k) for k in range(TOTAL)]


def counted(late: Late, stage: int) -> list[Met]:
    """Return the same by counting in the list of actions of a stage."""
    experiment = archsim.load_experiment(document(late, "unit", mode="timing") | {"data": {"samples": SAMPLES * TOTAL}})
    actions = map(str, archsim.prepare(experiment).schedule.stage(stage))
    updates, forward, backward = 0, [0] * TOTAL, [0] * TOTAL
    for action in actions:
        if action.startswith("U"):
            updates += 1
        else:
            found = forward if action.startswith("F") else backward
            found[int(action.lstrip("FBs"))] = updates
    return [Met(*pair) for pair in zip(forward, backward, strict=True)]


def met(schedule: dict[str, Any], stage: int, k: int) -> Met:
    """Return which weights micro-batch k meets at a stage, as theory has it; see docs/schedules.md."""
    kind, behind = schedule["kind"], STAGES - 1 - stage
    base, j = k - k % MICRO_BATCHES, k % MICRO_BATCHES
    if kind in ("asynchronous", "stash"):
        return Met(k - min(k, behind), k)
    if kind == "synchronous":
        return Met(k - min(j, behind), k)
    if kind in ("gpipe", "breadth-first"):
        return Met(base, k)
    if kind == "bounded":
        window = min(STAGES, schedule["staleness_max"] + 1)
        i = k % window
        rest = max(0, window - 1 - stage - i) if k >= window else 0
        return Met(k - min(i, behind) - rest, k)
    if kind == "hybrid":
        last = schedule["asynchronous_mini_batches"] * MICRO_BATCHES
        if k < last:
            return Met(k - min(k, behind), k)
        flushed = last + (k - last) // MICRO_BATCHES
        return Met(flushed, flushed)
    if kind == "two-version":
        before = max(0, k // MICRO_BATCHES - 1)
        return Met(before, before)
    if kind == "zb-h1":
        return Met(base + max(0, j - STAGES + 1), base + max(0, j - stage))
    if kind == "zb-h2":
        return Met(base + max(0, j - 2 * STAGES + 2), base + max(0, j - 2 * stage))
    if kind == "interleaved":
        return Met(base + _interleaved(stage, j), k)
    raise ValueError(kind)


def _interleaved(stage: int, j: int) -> int:
    """Of one mini-batch, the backwards before the forward of micro-batch j: forwards run so many turns ahead."""
    groups, chunk, place = STAGES // PLACES, stage // PLACES, stage % PLACES
    ahead = 2 * (PLACES - 1 - place) + (groups - 1) * PLACES

    def turn(chunk: int, i: int) -> int:
        return (i // PLACES * groups + chunk) * PLACES + i % PLACES

    return sum(turn(groups - 1 - chunk, i) < turn(chunk, j) - ahead for i in range(MICRO_BATCHES))


def document(late: Late, chip: Any, **run: Any) -> dict[str, Any]:
    """Return the experiment."""
    layers: list[dict[str, Any]] = []
    for number, size in enumerate(SIZES[1:]):
        layers.append({"name": f"layer{number}", "kind": "linear", "features": size, "bias": False})
        if number < STAGES - 1:
            layers.append({"name": f"relu{number}", "kind": "relu"})
    places = {"places": PLACES} if late.schedule["kind"] in ("interleaved", "breadth-first") else {}
    return {
        "network": {"input_shape": [SIZES[0]], "layers": layers, "loss": "mean-squared-error"},
        "chip": chip,
        "training": {"learning_rate": RATE, "mini_batch": SAMPLES * MICRO_BATCHES},
        "schedule": {"stages": STAGES, "micro_batches": MICRO_BATCHES, **places, **late.schedule},
        "run": {"evaluate_every": MINI_BATCHES, **run},
    }


def samples() -> DataSet:
    """Return inputs and targets that leave hardly a unit of a ReLU without work."""
    random = np.random.default_rng(3)
    inputs = random.uniform(0, 1, (SAMPLES * TOTAL, SIZES[0])).astype(np.float32)
    targets = random.uniform(0, 2, (SAMPLES * TOTAL, SIZES[-1])).astype(np.float32)
    return DataSet("delayed", inputs, targets, inputs[:2], targets[:2])


def built(experiment: dict[str, Any], data: DataSet) -> NumericNetwork:
    """Return the network of an experiment as it is before the first micro-batch."""
    layout = lay_out(archsim.load_experiment(experiment, mode="numerics"))
    fit = fitted(layout.graph, data)
    prepared = scheduled(layout, run_length(layout, fit))
    settings = numeric_settings(prepared, epoch_samples(layout, fit))
    return build_network(layout.graph, prepared.setup, settings, Sources(fit, origin_of(data), None))


class _Stage:
    """A layer and its ReLU, driven by hand.

    Where there are several sets of crossbars, mini-batches take them in turn. Before the update by a mini-batch, the
    newest version is copied onto its set.

    Attributes
    ----------
    version : int
        Updates made.
    """

    def __init__(self, late: Late, index: int, network: NumericNetwork) -> None:
        matrices = [weights.matrices[f"layer{index}"] for weights in network.sets]
        self.arrays = [array for matrix in matrices if isinstance(matrix, AnalogMatrix) for array in matrix.arrays]
        assert len(self.arrays) == len(matrices)
        self.index, self.version = index, 0
        #: The version that each set of crossbars holds.
        self.held = [0] * len(self.arrays)
        self._copying = network.parts.copying
        self._late = late
        self._forwards, self._backwards = zip(*late.versions(index), strict=True)
        self.inputs: dict[int, NDArray[np.float32]] = {}
        self.outputs: dict[int, NDArray[np.float32]] = {}
        self.errors: dict[int, NDArray[np.float32]] = {}
        self.copies: dict[int, NDArray[np.float32]] = {}
        self.back: dict[int, NDArray[np.float32]] = {}

    def set_of(self, k: int) -> int:
        """Return the set of crossbars that a micro-batch meets."""
        return k // MICRO_BATCHES % len(self.arrays)

    def forward(self, k: int, x: NDArray[np.float32]) -> bool:
        """Read forward, if that is what comes next."""
        own = self.set_of(k)
        if k in self.inputs or self._forwards[k] != self.held[own]:
            return False
        self.inputs[k] = x
        self.copies[k] = self.arrays[own].weights.copy()
        output = self.arrays[own].forward(x, k * SAMPLES).values
        self.outputs[k] = output if self.index == STAGES - 1 else np.maximum(output, np.float32(0))
        return True

    def backward(self, k: int, gradient: NDArray[np.float32]) -> bool:
        """Read transposed, if that is what comes next."""
        own = self.set_of(k)
        if k in self.errors or self._backwards[k] != self.held[own] or k not in self.outputs:
            return False
        if self.index < STAGES - 1:
            gradient = np.where(self.outputs[k] > 0, gradient, np.float32(0))
        self.errors[k] = gradient
        if self.index:
            copies = {"weights": self.copies[k]} if self._late.stashes else {}
            self.back[k] = self.arrays[own].backward(gradient, k * SAMPLES, **copies).values
        return True

    def update(self) -> bool:
        """Update once all reads of the version that is changed are done."""
        if self.version == len(self._late.together):
            return False
        first = sum(self._late.together[: self.version])
        applied = range(first, first + self._late.together[self.version])
        own = self.set_of(first)
        reads = [k for k in range(TOTAL) if self.set_of(k) == own]
        waiting = any(self._forwards[k] == self.held[own] and k not in self.inputs for k in reads)
        waiting |= any(self._backwards[k] == self.held[own] and k not in self.errors for k in reads)
        if waiting or any(k not in self.errors for k in applied):
            return False
        if self.held[own] != self.version:
            newest = self.held.index(self.version)
            copy_array(self.arrays[newest], self.arrays[own], self._copying, first // MICRO_BATCHES)
        for k in applied:
            self.arrays[own].update(self.inputs[k], self.errors[k], RATE, k * SAMPLES)
        self.version += 1
        self.held[own] = self.version
        return True

    @property
    def weights(self) -> NDArray[np.float32]:
        """The newest version."""
        return self.arrays[self.held.index(self.version)].weights.copy()


def by_hand(late: Late, chip: Any) -> dict[str, NDArray[np.float32]]:
    """Return the weights of a run whose arrays are read and updated one by one, in the order that theory says."""
    network = built(document(late, chip), samples())
    stages = [_Stage(late, index, network) for index in range(STAGES)]
    loss, feed = network.logic.loss, network.feed
    share = np.float32(1 / (SAMPLES * MICRO_BATCHES))
    moved = True
    while moved:
        moved = False
        for stage, before, behind in zip(stages, [None, *stages], [*stages[1:], None], strict=False):
            for k in range(TOTAL):
                if before is None or k in before.outputs:
                    moved |= stage.forward(k, feed.inputs(k) if before is None else before.outputs[k])
                if behind is None and k in stage.outputs and k not in stage.errors:
                    _, gradient = loss.of(stage.outputs[k], feed.targets(k))
                    moved |= stage.backward(k, np.asarray(gradient * share, np.float32))
                elif behind is not None and k in behind.back:
                    moved |= stage.backward(k, behind.back[k])
            while stage.update():
                moved = True
    assert all(stage.version == len(late.together) for stage in stages), [stage.version for stage in stages]
    return {f"layer{stage.index}": stage.weights for stage in stages}


def in_numpy(late: Late, chip: Any) -> list[list[NDArray[np.float64]]]:
    """Return all versions of the weights of each layer under gradients that come late, in float64 without any array."""
    network, data = built(document(late, chip), samples()), samples()
    weights = [[network.matrices[f"layer{i}"].weights.astype(np.float64)] for i in range(STAGES)]
    order = [network.feed.inputs(k) for k in range(TOTAL)], [network.feed.targets(k) for k in range(TOTAL)]
    assert sum(map(len, order[0])) == len(data.train_inputs)
    seen = [late.versions(stage) for stage in range(STAGES)]
    first = 0
    for count in late.together:
        steps = [np.zeros_like(versions[0]) for versions in weights]
        for k in range(first, first + count):
            values = [order[0][k].astype(np.float64)]
            for i, versions in enumerate(weights):
                output = values[-1] @ versions[seen[i][k].forward].T
                values.append(output if i == STAGES - 1 else np.maximum(output, 0))
            d = 2 * (values[-1] - order[1][k]) / SIZES[-1] / (SAMPLES * MICRO_BATCHES)
            for i in reversed(range(STAGES)):
                if i < STAGES - 1:
                    d = d * (values[i + 1] > 0)
                steps[i] += d.T @ values[i]
                version = seen[i][k]
                d = d @ weights[i][version.forward if late.stashes else version.backward]
        for versions, step in zip(weights, steps, strict=True):
            versions.append(versions[-1] - RATE * step)
        first += count
    return weights


#: Mini-batches meet the weights of the one before, on a set of crossbars of their own.
TWO_VERSION = Late({"kind": "two-version", "copies": "exact"}, (MICRO_BATCHES,) * MINI_BATCHES)
#: The same on devices of their own, with the error of programming.
PROGRAMMED = Late({"kind": "two-version", "copies": "programmed"}, TWO_VERSION.together)


def schedules() -> Sequence[Late]:
    """Return the schedules with late gradients."""
    half = (1,) * MICRO_BATCHES + (MICRO_BATCHES,) * (MINI_BATCHES - 1)
    return (
        Late({"kind": "asynchronous"}),
        Late({"kind": "stash"}, stashes=True),
        *(Late({"kind": "bounded", "staleness_max": bound}) for bound in (1, 2)),
        Late({"kind": "hybrid", "asynchronous_mini_batches": 1}, half),
        *(Late({"kind": kind}) for kind in ("zb-h1", "zb-h2", *WITHOUT_FORMULA)),
        *(Late({"kind": kind, "update": "immediate"}) for kind in ("synchronous", "gpipe")),
        *(Late({"kind": kind, "update": "immediate"}) for kind in ("interleaved", "breadth-first")),
    )
