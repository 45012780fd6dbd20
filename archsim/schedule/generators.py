"""The schedules that leave updates to passes, and have no keys: each yields the order of F and B at one stage.

Stages count from the input side, ``s = 0 .. M-1``. `synchronous` and `asynchronous` follow the drawing of
arXiv:2410.15155; `inference` and `layer_serial` have no B. How long they take, `archsim.schedule.closed_forms` says.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.actions import Action, PipelineShape, ScheduleKind
from archsim.schedule.closed_forms import ASYNCHRONOUS, GPIPE, INFERENCE, SEQUENTIAL, SYNCHRONOUS
from archsim.schedule.specification import ScheduleSpecification

__all__ = [
    "asynchronous",
    "gpipe",
    "inference",
    "layer_serial",
    "one_forward_one_backward",
    "sequential",
    "synchronous",
]


def _one_by_one(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    for k in range(shape.total):
        yield Action("F", k)
        yield Action("B", k)


def _forward_only(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    return (Action("F", k) for k in range(shape.total))


def _layer_by_layer(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    return (Action("L", k) for k in range(shape.total))


def _forwards_then_backwards(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        block = range(start, start + shape.micro_batches)
        yield from (Action("F", k) for k in block)
        yield from (Action("B", k) for k in block)


def one_forward_one_backward(start: int, count: int, ahead: int) -> Iterator[Action]:
    """Yield `count` micro-batches, with at most `ahead` in flight."""
    ahead = min(ahead, count)
    yield from (Action("F", start + k) for k in range(ahead - 1))
    for k in range(count):
        if k + ahead - 1 < count:
            yield Action("F", start + k + ahead - 1)
        yield Action("B", start + k)


def _flushed_1f1b(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        yield from one_forward_one_backward(start, shape.micro_batches, shape.stages - stage)


def _continuous_1f1b(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
    yield from one_forward_one_backward(0, shape.total, shape.stages - stage)


sequential = ScheduleKind(
    _one_by_one,
    "deferred",
    "No pipeline: a micro-batch passes all stages forward and back before the next one starts.",
    closed_forms=SEQUENTIAL,
)
gpipe = ScheduleKind(
    _forwards_then_backwards,
    "deferred",
    "All forwards of a mini-batch, then all backwards, then a flush (Huang et al., GPipe, arXiv:1811.06965).",
    closed_forms=GPIPE,
)
synchronous = ScheduleKind(
    _flushed_1f1b,
    "deferred",
    "One forward, one backward within a mini-batch, then a flush "
    "(analog SGD with synchronous pipeline, arXiv:2410.15155).",
    closed_forms=SYNCHRONOUS,
)
asynchronous = ScheduleKind(
    _continuous_1f1b,
    "immediate",
    "Continuous one forward, one backward: no flush, no stashed weights "
    "(analog SGD with asynchronous pipeline, arXiv:2410.15155).",
    closed_forms=ASYNCHRONOUS,
)
inference = ScheduleKind(
    _forward_only,
    "deferred",
    "Forward only, pipelined: no loss, no gradients, no updates; what a stage stored is released as it goes on.",
    ("F",),
    closed_forms=INFERENCE,
)
layer_serial = ScheduleKind(
    _layer_by_layer,
    "deferred",
    "Forward only, one layer after the other on the same tiles: each is written onto them before it is read.",
    ("L",),
    closed_forms=INFERENCE,
)
