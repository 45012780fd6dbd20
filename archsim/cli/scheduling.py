"""The command ``schedule``: what each stage does, in order."""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path

from archsim.cli.console import out
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.folder import cannot_write, write_file
from archsim.schedule.actions import Action, Schedule
from archsim.simulation import prepare_whole

__all__ = ["print_schedule", "write_schedule"]

#: Actions of a stage that are shown from its beginning and from its end.
_FIRST = 20
_LAST = 4


def print_schedule(experiment: Experiment) -> None:
    """Print one line a stage: its first actions and its last."""
    schedule = prepare_whole(experiment).schedule
    shape = schedule.shape
    console = out()
    console.print(
        f"{schedule.kind}: stages: {shape.stages}, mini-batches: {shape.mini_batches}, "
        f"micro-batches in each: {shape.micro_batches}, update: {schedule.update}",
        soft_wrap=True,
    )
    width = len(str(shape.stages - 1))
    for stage in range(shape.stages):
        console.print(f"stage {stage:>{width}}: {_shortened(schedule, stage)}", soft_wrap=True)


def write_schedule(experiment: Experiment, path: Path) -> None:
    """Write all actions into a new file, one line a stage.

    Raises
    ------
    InputError
        If there is something at that path, or nothing may be written there.
    """
    if path.exists():
        raise InputError("the file exists already", field="--output", value=str(path), remedy="give another with -o")
    schedule = prepare_whole(experiment).schedule
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, schedule.to_text())
    except OSError as error:
        raise cannot_write(path, error) from error
    out().print(f"schedule: {path}", soft_wrap=True)


def _shortened(schedule: Schedule, stage: int) -> str:
    actions = schedule.stage(stage)
    first = list(islice(actions, _FIRST))
    last: deque[Action] = deque(maxlen=_LAST)
    rest = 0
    for action in actions:
        rest += 1
        last.append(action)
    left_out = (f"... ({rest - len(last)} more) ...",) if rest > len(last) else ()
    return " ".join([*map(str, first), *left_out, *map(str, last)])
