"""Whether the data fit the network and the schedule fits the buffers: checked before simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archsim import plugins
from archsim.chip.operations import vector_bytes
from archsim.data import DataSet
from archsim.engine.events.spaces import accumulator_bytes, carried_bytes, footprint_bytes, held_bytes
from archsim.engine.setup import Setup
from archsim.errors import DoesNotFit, InputError, Shortage
from archsim.network.graph import Graph
from archsim.network.losses import load_loss

__all__ = ["StageMemory", "check_buffers", "fitted", "stage_memory"]


def fitted(graph: Graph, data: DataSet) -> DataSet:
    """Return data as the network takes them.

    For a loss over classes, one-hot targets become class numbers, and where the network gives sequences, whole numbers
    do, one for each position; samples that are vectors take the shape of the network's input, if it has as many
    numbers: row by row, the last index first.

    Raises
    ------
    InputError
        If the network cannot take the samples or the targets.
    """
    if load_loss(graph.loss).classifies:
        data = data.with_classes() if len(graph.nodes[-1].shape) == 1 else data.with_classes_of_positions()
    if data.train_inputs.shape[1:] == (math.prod(graph.input_shape),):
        data = data.with_shape(graph.input_shape)
    _check_shapes(graph, data)
    _check_tokens(graph, data)
    return data


def _allowed_shapes(found: tuple[int, ...]) -> str:
    """Say which shapes take samples of a shape: flat ones are given any shape of as many numbers."""
    if len(found) > 1:
        return str(list(found))
    side = math.isqrt(found[0])
    square = side * side == found[0]
    example = [1, side, side] if square else [1, 1, found[0]]
    return f"any shape of {found[0]} numbers, such as {list(found)} or {example}"


def _check_tokens(graph: Graph, data: DataSet) -> None:
    """Refuse inputs that are no numbers of tokens where the network takes these."""
    if graph.vocabulary is None:
        return
    for inputs in (data.train_inputs, data.test_inputs):
        wrong = (inputs < 0) | (inputs >= graph.vocabulary) | (inputs % 1 != 0)
        if wrong.any():
            raise InputError(
                f"the samples of '{data.name}' hold what is no number of a token",
                field="network.layers",
                value=float(inputs[wrong][0]),
                allowed=f"whole numbers from 0 to {graph.vocabulary - 1}, one less than the vocabulary",
                remedy="give the embedding a vocabulary with all tokens of the data, which are counted from 0",
            )


def _check_shapes(graph: Graph, data: DataSet) -> None:
    found = data.train_inputs.shape[1:]
    if found != graph.input_shape:
        raise InputError(
            f"the samples of '{data.name}' have the shape {list(found)}",
            field="network.input_shape",
            value=list(graph.input_shape),
            allowed=_allowed_shapes(found),
        )
    *positions, outputs = graph.nodes[-1].shape
    if load_loss(graph.loss).classifies:
        if data.classes is None or data.classes > outputs:
            raise InputError(
                f"'{data.name}' has {data.classes or 'no'} classes, but the network has {outputs} outputs",
                field="network.loss",
                value=graph.loss,
                remedy=_classes_remedy(data),
            )
        there = data.train_targets.shape[1:]
        if there != tuple(positions):
            raise InputError(
                f"'{data.name}' has {_targets(there)}, but the network gives {_targets(positions)}",
                field="network.layers",
                remedy="let the last layer give a vector for each target",
            )
    elif data.train_targets.shape[1:] != (outputs,):
        raise InputError(
            f"the targets of '{data.name}' have the shape {list(data.train_targets.shape[1:])}, "
            f"but the network has {outputs} outputs",
            field="network.loss",
            value=graph.loss,
            remedy=f"use {_losses(classify=True)} for classes",
        )


def _targets(positions: Sequence[int]) -> str:
    return f"{math.prod(positions)} targets a sample" if positions else "one target a sample"


def _classes_remedy(data: DataSet) -> str:
    if data.classes is None:
        return (
            "give whole class numbers from 0, or one-hot targets (one 1 among zeros), "
            f"or use {_losses(classify=False)} for values"
        )
    first = min(int(part.min()) for part in (data.train_targets, data.test_targets) if len(part))
    if first > 0:
        return f"the classes run from {first} and are counted from 0: subtract {first} from all targets"
    return f"give the last layer one output per class, or use {_losses(classify=False)} for values"


def _losses(*, classify: bool) -> str:
    found = [name for name in plugins.names("archsim.losses") if load_loss(name).classifies == classify]
    return f"the loss {' or '.join(found)}"


@dataclass(frozen=True, slots=True)
class StageMemory:
    """What a stage must have room for in its buffer; where there is more, inputs that come early wait there.

    Attributes
    ----------
    stage, place : int
        The stage, and the place whose buffer it shares with the other stages there.
    micro_batches : int
        The most between their F and the last action on them.
    micro_batch_bytes, error_bytes : int
        What the stage stores of each, and how much of it is of the way back: errors and gradients.
    capacity_bytes : int or None
        What the buffer holds; None where it is not bounded.
    held_bytes : int
        What its digital matrices take all the time.
    carried_bytes : int
        What the states take that its layers carry from sample to sample.
    accumulator_bytes : int
        What gradients add up in, all the time: accumulators, buffers and velocities of training algorithms, and a
        number for each digital parameter where updates wait for others.
    """

    stage: int
    place: int
    micro_batches: int
    micro_batch_bytes: int
    error_bytes: int
    capacity_bytes: int | None
    held_bytes: int = 0
    carried_bytes: int = 0
    accumulator_bytes: int = 0

    @property
    def demand_bytes(self) -> int:
        """The space of all micro-batches that are stored at once, and of what is held all the time."""
        resident = self.held_bytes + self.carried_bytes + self.accumulator_bytes
        return self.micro_batches * self.micro_batch_bytes + resident


def stage_memory(setup: Setup) -> tuple[StageMemory, ...]:
    """Return what each stage stores, in the order of the stages; nothing on a chip that stores nothing."""
    chip = setup.chip
    if chip.buffer is None:
        return ()
    return tuple(
        StageMemory(
            program.index,
            setup.plan.stages[program.index].place,
            stored,
            footprint_bytes(chip, program, setup.samples),
            vector_bytes(chip, program.stored_errors) * setup.samples,
            chip.buffer.capacity,
            held_bytes(chip, program),
            carried_bytes(setup, program),
            accumulator_bytes(chip, program),
        )
        for program, stored in zip(setup.programs, setup.stored_max, strict=True)
    )


def check_buffers(memory: Iterable[StageMemory]) -> None:
    """Refuse a schedule that stores more than the buffer of a place holds.

    Raises
    ------
    DoesNotFit
        With the demand of the stages of each place that is short.
    """
    places: dict[int, list[StageMemory]] = {}
    for stage in memory:
        places.setdefault(stage.place, []).append(stage)
    short = [_shortage(stages) for stages in places.values() if not _fit(stages)]
    if short:
        raise DoesNotFit("what the stages must store does not fit their buffers", short, field="chip.buffer.capacity")


def _fit(stages: list[StageMemory]) -> bool:
    capacity = stages[0].capacity_bytes
    return capacity is None or sum(stage.demand_bytes for stage in stages) <= capacity


def _shortage(stages: list[StageMemory]) -> Shortage:
    stored = [
        f"{stage.micro_batches} micro-batch{'' if stage.micro_batches == 1 else 'es'} of {stage.micro_batch_bytes} B"
        for stage in stages
    ]
    stored += [f"digital matrices of {stage.held_bytes} B" for stage in stages if stage.held_bytes]
    stored += [f"carried states of {stage.carried_bytes} B" for stage in stages if stage.carried_bytes]
    stored += [f"accumulators of {stage.accumulator_bytes} B" for stage in stages if stage.accumulator_bytes]
    parts = " and ".join(stored)
    return Shortage(
        f"buffer of stage{'s' if len(stages) > 1 else ''} {', '.join(str(stage.stage) for stage in stages)}",
        f"{sum(stage.demand_bytes for stage in stages)} B ({parts})",
        f"{stages[0].capacity_bytes} B",
        "a larger chip.buffer.capacity, smaller micro-batches, or a schedule with fewer in flight",
    )
