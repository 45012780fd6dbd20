"""An action that needs what its stage does not store at that time is refused with what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from archsim.engine.numerics.stored import Stored
from archsim.errors import InputError
from archsim.plugins import as_plugin_error
from archsim.schedule.actions import Schedule

__all__ = ["refuse_action"]


def refuse_action(
    missing: KeyError, stage: int, stored: Mapping[int, Stored], micro_batches: Iterable[int], schedule: Schedule
) -> NoReturn:
    """Say that an action of a stage needs what is not stored there; what a part from outside misses is its own.

    Parameters
    ----------
    missing : KeyError
        What was looked up in vain.
    stage : int
        The stage.
    stored : mapping of int to Stored
        What it stores, by micro-batch.
    micro_batches : iterable of int
        Those of the action.
    schedule : Schedule
        The schedule.

    Raises
    ------
    InputError
        With what is missing, and when the action could be done.
    """
    if as_plugin_error(missing) is not None:
        raise missing
    gone = next((k for k in micro_batches if k not in stored), None)
    if gone is not None:
        problem = f"an action of stage {stage} needs micro-batch {gone}, of which nothing is stored"
        remedy = f"let it come after F of the micro-batch and before {schedule.releasing}, with which that is released"
    else:
        problem = f"an action of stage {stage} needs what is not stored there now, of '{missing.args[0]}'"
        remedy = "let it come after the action that makes it, and before one that takes it"
    raise InputError(
        problem,
        field="schedule.kind",
        value=schedule.kind,
        remedy=f"{remedy}, or set run.mode to timing",
    ) from missing
