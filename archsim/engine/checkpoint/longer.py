"""Whether a run that has begun may be made longer: only where a longer one would have come to the same state."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

from archsim.engine.events.machine import Machine
from archsim.engine.numerics.untimed import UntimedMachine
from archsim.errors import InputError
from archsim.schedule.actions import PipelineShape, Schedule

__all__ = ["check_length"]

_FIELD = "training.epochs, training.max_mini_batches"


def check_length(machine: Machine | UntimedMachine, mini_batches: int, schedule: Schedule) -> None:
    """Check that a machine which was to train so many mini-batches may go on in a schedule.

    A longer schedule begins like a shorter one, and differs where the shorter one comes to its end: when the host has
    brought the last sample, or where a pipeline drains. From there on a run cannot be made longer bit for bit.

    Parameters
    ----------
    machine : Machine or UntimedMachine
        The state that a checkpoint holds, joined to the schedule.
    mini_batches : int
        Mini-batches of the run that wrote it.
    schedule : Schedule
        In which it is to go on.

    Raises
    ------
    InputError
        If the schedule is shorter, or a run of its length would have come to another state.
    """
    shape = schedule.shape
    if mini_batches == shape.mini_batches:
        return
    if mini_batches > shape.mini_batches:
        raise InputError(
            "a run that has begun can be made longer, not shorter",
            field=_FIELD,
            value=f"{shape.mini_batches} mini-batches",
            allowed=f"{mini_batches} mini-batches or more",
        )
    before = replace(schedule, shape=replace(shape, mini_batches=mini_batches))
    if not (_same_actions(machine, before, schedule) and _input_left(machine, before.shape)):
        raise InputError(
            "this run has come too near to its end to be made longer: one that had been longer from the start would "
            "do something else by now",
            field=_FIELD,
            value=f"{shape.mini_batches} mini-batches",
            allowed=f"{mini_batches} mini-batches, as the run was begun",
            remedy="let it finish, and start another one from its weights: archsim run EXPERIMENT --weights DIR",
        )


def _same_actions(machine: Machine | UntimedMachine, before: Schedule, now: Schedule) -> bool:
    """Return whether all that stages have done, and what each does next, is the same in both schedules."""
    return all(
        list(islice(before.stage(stage.index), stage.position + 1))
        == list(islice(now.stage(stage.index), stage.position + 1))
        for stage in machine.state.stages
    )


def _input_left(machine: Machine | UntimedMachine, shape: PipelineShape) -> bool:
    """Return whether the host has more to bring, so that the number of samples has not held it back."""
    return isinstance(machine, UntimedMachine) or all(feed.brought < shape.total for feed in machine.feeds)
