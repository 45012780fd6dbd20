"""A pipeline that computes its activations once more before they are needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from archsim.schedule.action_kinds import ActionKind, StageCycles, StageSteps
from archsim.schedule.actions import Action, ClosedForms, PipelineShape, Schedule, ScheduleKind
from archsim.schedule.specification import ScheduleSpecification


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


class RecomputingSettings(ScheduleSpecification):
    """A stage recomputes every so many micro-batches."""

    kind: Literal["recomputing"] = "recomputing"
    every: Annotated[int, Field(ge=1)] = 1


def _recomputing(shape: PipelineShape, stage: int, settings: RecomputingSettings) -> Iterator[Action]:
    for start in range(0, shape.total, shape.micro_batches):
        block = range(start, start + shape.micro_batches)
        yield from (Action("F", k) for k in block)
        for k in block:
            # The last stage has done the forward just before.
            if stage + 1 < shape.stages and k % settings.every == 0:
                yield Action("R", k)
            yield Action("B", k)


def _makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    """Return the cycles of one stage alone, which has nobody to wait for."""
    shape = schedule.shape
    each = shape.micro_batches * (cycles.forward + cycles.backward + cycles.update)
    return shape.mini_batches * each if shape.stages == 1 else None


SCHEDULE = ScheduleKind(
    _recomputing,
    "deferred",
    "GPipe that recomputes activations (arXiv:1811.06965).",
    ("F", "R", "B", "U"),
    Settings=RecomputingSettings,
    closed_forms=ClosedForms(makespan=_makespan),
)
