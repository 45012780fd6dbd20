"""The built-in schedules: each yields the order of F and B at one stage.

Stages count from the input side, ``s = 0 .. M-1``. With B micro-batches in a mini-batch and unit
times, `gpipe` and `synchronous` take 2 (M + B - 1) cycles a mini-batch and `sequential` 2 M B;
`asynchronous` takes 2 (K + M - 1) for all K micro-batches (closed forms of arXiv:2410.15155, whose
drawing `synchronous` and `asynchronous` follow). `inference` has no B: K + M - 1 cycles.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.actions import Action, PipelineShape, ScheduleKind

__all__ = ["asynchronous", "gpipe", "inference", "sequential", "synchronous"]


def _one_by_one(shape: PipelineShape, stage: int) -> Iterator[Action]:
    for k in range(shape.total):
        yield Action("F", k)
        yield Action("B", k)


def _forward_only(shape: PipelineShape, stage: int) -> Iterator[Action]:
    return (Action("F", k) for k in range(shape.total))


def _all_forward_then_all_backward(shape: PipelineShape, stage: int) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        block = range(start, start + shape.micro_batches)
        yield from (Action("F", k) for k in block)
        yield from (Action("B", k) for k in block)


def _one_forward_one_backward(start: int, count: int, ahead: int) -> Iterator[Action]:
    """Yield `count` micro-batches, with at most `ahead` in flight."""
    ahead = min(ahead, count)
    yield from (Action("F", start + k) for k in range(ahead - 1))
    for k in range(count):
        if k + ahead - 1 < count:
            yield Action("F", start + k + ahead - 1)
        yield Action("B", start + k)


def _flushed_one_forward_one_backward(shape: PipelineShape, stage: int) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        yield from _one_forward_one_backward(start, shape.micro_batches, shape.stages - stage)


def _continuous_one_forward_one_backward(shape: PipelineShape, stage: int) -> Iterator[Action]:
    yield from _one_forward_one_backward(0, shape.total, shape.stages - stage)


sequential = ScheduleKind(
    _one_by_one,
    "deferred",
    "No pipeline: a micro-batch passes all stages forward and back before the next one starts.",
)
gpipe = ScheduleKind(
    _all_forward_then_all_backward,
    "deferred",
    "All forwards of a mini-batch, then all backwards, then a flush (Huang et al., GPipe, arXiv:1811.06965).",
)
synchronous = ScheduleKind(
    _flushed_one_forward_one_backward,
    "deferred",
    "One forward, one backward within a mini-batch, then a flush "
    "(analog SGD with synchronous pipeline, arXiv:2410.15155).",
)
asynchronous = ScheduleKind(
    _continuous_one_forward_one_backward,
    "immediate",
    "Continuous one forward, one backward: no flush, no stashed weights "
    "(analog SGD with asynchronous pipeline, arXiv:2410.15155).",
)
inference = ScheduleKind(
    _forward_only,
    "deferred",
    "Forward only, pipelined: no loss, no gradients, no updates; what a stage stored is released as it goes on.",
    ("F",),
)
