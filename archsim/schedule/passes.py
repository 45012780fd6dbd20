"""Passes that complete what a generator yields."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from archsim.errors import InputError
from archsim.schedule.action_kinds import ActionKind
from archsim.schedule.actions import Action, Order, PipelineShape, Turns, UpdateRule

__all__ = ["turns_with", "with_transfers", "with_updates"]


def with_updates(order: Order, update: UpdateRule, kinds: Mapping[str, ActionKind]) -> Order:
    """Return the order with the updates put in.

    *immediate*: one right after each action that an update follows (U after B). *deferred*: one for the whole
    mini-batch right after the stage's own last such action of it.

    Parameters
    ----------
    order : Order
        All other actions.
    update : {"immediate", "deferred"}
        When a stage updates.
    kinds : mapping of str to ActionKind
        The kinds of action of the schedule, by symbol; without one that updates weights the order stays.

    Raises
    ------
    InputError
        If the updates follow no other action.
    """
    updating = next((symbol for symbol, kind in kinds.items() if kind.updates_weights), None)
    if updating is None:
        return order
    if not kinds[updating].after:
        raise InputError(
            f"updates cannot be put in: an action {updating} follows no other one",
            field="actions",
            value=", ".join(kinds),
            remedy=f"say after which actions {updating} comes, or let the schedule place it",
        )
    before = kinds[updating].after[-1]

    def immediate(shape: PipelineShape, stage: int) -> Iterator[Action]:
        # Once for every action of a run: made and taken apart as the tuple that it is.
        make = tuple.__new__
        for action in order(shape, stage):
            yield action
            if action[0] == before:
                yield make(Action, (updating, action[1], 1))

    def deferred(shape: PipelineShape, stage: int) -> Iterator[Action]:
        missing: dict[int, int] = {}
        each = shape.micro_batches
        for action in order(shape, stage):
            yield action
            if action[0] == before:
                mini_batch = action[1] // each
                left = missing.pop(mini_batch, each) - 1
                if left:
                    missing[mini_batch] = left
                else:
                    yield Action(updating, (mini_batch + 1) * each - 1, each)

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


def turns_with(turns: Callable[[PipelineShape, int], Iterator[tuple[int, Action]]], order: Order) -> Turns:
    """Return the turns of the stages of a place with what passes have put in: right after what it follows at its stage.

    Parameters
    ----------
    turns : callable
        ``turns(shape, place)`` yields stages and the actions that the schedule places itself.
    order : Order
        All actions of each stage.
    """

    def own(placed: Iterator[tuple[int, Action]], stage: int) -> Iterator[Action]:
        return (action for other, action in placed if other == stage)

    def completed(shape: PipelineShape, place: int) -> Iterator[int]:
        stages = {stage: order(shape, stage) for stage, at in enumerate(shape.place_of_stage) if at == place}
        coming = {stage: next(actions, None) for stage, actions in stages.items()}
        placed = {stage: own(turns(shape, place), stage) for stage in stages}
        following = {stage: next(actions, None) for stage, actions in placed.items()}
        for stage, _ in turns(shape, place):
            following[stage] = next(placed[stage], None)
            yield stage
            coming[stage] = next(stages[stage], None)
            while coming[stage] != following[stage]:
                yield stage
                coming[stage] = next(stages[stage], None)

    return completed


def _within(stage: int, action: Action, every: int) -> InputError:
    return InputError(
        f"transfers of stage {stage} fall due after every {every} micro-batches, so some come within {action}, "
        "and only after it can they be actions of their own",
        field="schedule.transfers",
        value="separate",
        remedy="let transfer_every be a multiple of the micro-batches that an update applies at once",
    )
