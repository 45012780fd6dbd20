"""A pipeline that computes its activations once more before they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archsim.schedule.action_kinds import ActionKind, StageSteps
from archsim.schedule.actions import Action, PipelineShape, ScheduleKind


def _again(stage: StageSteps) -> Iterable[Any]:
    return stage.forward()


RECOMPUTE = ActionKind(
    "recomputation",
    "The forward of a stage once more, so that its backward meets activations of the weights of that moment.",
    _again,
    "forward",
    after=("F",),
    occasional=True,
)


def _recomputing(shape: PipelineShape, stage: int) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        block = range(start, start + shape.micro_batches)
        yield from (Action("F", k) for k in block)
        for k in block:
            # The last stage has done the forward just before.
            if stage + 1 < shape.stages:
                yield Action("R", k)
            yield Action("B", k)


SCHEDULE = ScheduleKind(
    _recomputing, "deferred", "GPipe that recomputes activations (arXiv:1811.06965).", ("F", "R", "B", "U")
)
