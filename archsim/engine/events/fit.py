"""Whether the data fit the network and the schedule fits the buffers: checked before simulation."""

from __future__ import annotations

from archsim import plugins
from archsim.data import DataSet
from archsim.engine.events.machine import footprint_bytes
from archsim.engine.setup import Setup
from archsim.errors import DoesNotFit, InputError, Shortage
from archsim.network.graph import Graph
from archsim.network.losses import load_loss
from archsim.schedule import Profile

__all__ = ["check_buffers", "fitted"]


def fitted(graph: Graph, data: DataSet) -> DataSet:
    """Return data as the network takes them: for a loss over classes, one-hot targets become class numbers.

    Raises
    ------
    InputError
        If the network cannot take the samples or the targets.
    """
    if load_loss(graph.loss).classifies:
        data = data.with_classes()
    _check_shapes(graph, data)
    return data


def _check_shapes(graph: Graph, data: DataSet) -> None:
    found = data.train_inputs.shape[1:]
    if found != graph.input_shape:
        raise InputError(
            f"the samples of '{data.name}' have the shape {list(found)}",
            field="network.input_shape",
            value=list(graph.input_shape),
            allowed=str(list(found)),
        )
    outputs = graph.nodes[-1].shape[0]
    if load_loss(graph.loss).classifies:
        if data.classes is None or data.classes > outputs:
            raise InputError(
                f"'{data.name}' has {data.classes or 'no'} classes, but the network has {outputs} outputs",
                field="network.loss",
                value=graph.loss,
                remedy=_classes_remedy(data),
            )
    elif data.train_targets.shape[1:] != (outputs,):
        raise InputError(
            f"the targets of '{data.name}' have the shape {list(data.train_targets.shape[1:])}, "
            f"but the network has {outputs} outputs",
            field="network.loss",
            value=graph.loss,
            remedy=f"use {_losses(classify=True)} for classes",
        )


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


def check_buffers(setup: Setup, profile: Profile) -> None:
    """Refuse a schedule that stores more than a stage's buffer holds."""
    chip = setup.chip
    if chip.buffer is None or chip.buffer.capacity is None or setup.stage_engines:
        return
    short = []
    for program, stored in zip(setup.programs, profile.stored_max, strict=True):
        demand = stored * footprint_bytes(chip, program, setup.samples)
        if demand > chip.buffer.capacity:
            short.append(
                Shortage(
                    f"buffer of stage {program.index}",
                    f"{demand} B ({stored} micro-batches of {demand // stored} B)",
                    f"{chip.buffer.capacity} B",
                    "a larger chip.buffer.capacity, smaller micro-batches, or a schedule with fewer in flight",
                )
            )
    if short:
        raise DoesNotFit("what the stages must store does not fit their buffers", short, field="chip.buffer.capacity")
