"""Passes that complete what a generator yields."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.schedule.actions import Action, Order, PipelineShape, UpdateRule

__all__ = ["with_updates"]


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
