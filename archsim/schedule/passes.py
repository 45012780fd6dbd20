"""Passes that complete what a generator yields."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from archsim.errors import InputError
from archsim.schedule.actions import Action, Order, PipelineShape, UpdateRule

__all__ = ["with_transfers", "with_updates"]


def with_updates(order: Order, update: UpdateRule) -> Order:
    """Return the order with the updates put in.

    *immediate*: a U right after each B. *deferred*: one U for the whole mini-batch right after the
    stage's own last B of it.
    """

    def immediate(shape: PipelineShape, stage: int) -> Iterator[Action]:
        for action in order(shape, stage):
            yield action
            if action.kind == "B":
                yield Action("U", action.micro_batch)

    def deferred(shape: PipelineShape, stage: int) -> Iterator[Action]:
        missing: dict[int, int] = {}
        for action in order(shape, stage):
            yield action
            if action.kind == "B":
                mini_batch = action.micro_batch // shape.micro_batches
                left = missing.pop(mini_batch, shape.micro_batches) - 1
                if left:
                    missing[mini_batch] = left
                else:
                    yield Action("U", (mini_batch + 1) * shape.micro_batches - 1, shape.micro_batches)

    return immediate if update == "immediate" else deferred


def with_transfers(order: Order, updating: Collection[str], symbol: str, intervals: Sequence[Collection[int]]) -> Order:
    """Return the order with the transfers put in: a T right after each U at whose end some are due.

    Parameters
    ----------
    order : Order
        All other actions.
    updating : collection of str
        Symbols of the actions that apply micro-batches to the weights.
    symbol : str
        That of the transfers: it takes the micro-batches that were applied since the last one.
    intervals : sequence of collection of int
        For each stage, after how many applied micro-batches transfers of some of its matrices fall due.
    """

    def separate(shape: PipelineShape, stage: int) -> Iterator[Action]:
        applied = waiting = 0
        for action in order(shape, stage):
            yield action
            if action.kind not in updating:
                continue
            before, applied = applied, applied + action.count
            waiting += action.count
            due = [every for every in intervals[stage] if applied // every > before // every]
            for every in due:
                if action.count > 1 and (applied % every or every < action.count):
                    raise _within(stage, action, every)
            if due:
                yield Action(symbol, action.micro_batch, waiting)
                waiting = 0

    return separate


def _within(stage: int, action: Action, every: int) -> InputError:
    return InputError(
        f"transfers of stage {stage} fall due after every {every} micro-batches, so some come within {action}, "
        "and only after it can they be actions of their own",
        field="schedule.transfers",
        value="separate",
        remedy="let transfer_every be a multiple of the micro-batches that an update applies at once",
    )
