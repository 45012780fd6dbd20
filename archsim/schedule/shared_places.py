"""What schedules need that say in which order a place begins the actions of its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from archsim.errors import InputError
from archsim.schedule.actions import Action, PipelineShape

__all__ = ["Turn", "check_places", "next_mini_batches", "order_of"]

#: A stage and the action that it begins.
Turn = tuple[int, Action]


def order_of(
    turns: Callable[[PipelineShape, int, Any], Iterator[Turn]],
) -> Callable[[PipelineShape, int, Any], Iterator[Action]]:
    """Return the order of a stage: its own actions among those of its place."""

    def order(shape: PipelineShape, stage: int, settings: Any) -> Iterator[Action]:
        place = shape.place_of_stage[stage]
        return (action for other, action in turns(shape, place, settings) if other == stage)

    return order


def next_mini_batches(shape: PipelineShape, mini_batch: Callable[[], Iterator[Turn]]) -> Iterator[Turn]:
    """Yield the turns of the first mini-batch for all of them, but for stages and micro-batches that there are not.

    A schedule is told for whole groups of micro-batches and for places that hold equally many stages. Leaving some out
    leaves it possible: others do not wait for stages behind the last one, nor for other micro-batches.
    """
    for start in range(0, shape.total, shape.micro_batches):
        for stage, action in mini_batch():
            if stage < shape.stages and action.micro_batch < shape.micro_batches:
                yield stage, Action(action.kind, start + action.micro_batch)


def check_places(shape: PipelineShape, kind: str, allowed: tuple[int, ...]) -> None:
    """Refuse places other than those that a schedule is made for.

    Raises
    ------
    InputError
        If the stages lie elsewhere.
    """
    if shape.place_of_stage != allowed:
        raise InputError(
            f"a schedule of the kind '{kind}' is made for other places",
            field="schedule.places",
            value=list(shape.place_of_stage),
            allowed=str(list(allowed)),
            remedy="leave schedule.places out, or take another schedule.kind",
        )
