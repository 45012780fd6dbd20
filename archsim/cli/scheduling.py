"""The command ``schedule``: what each stage does, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from archsim.cli.barriers import barrier_lines
from archsim.cli.console import out
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.folder import cannot_write, write_file
from archsim.schedule import StageCycles, gradients_of
from archsim.simulation import prepare_whole

__all__ = ["print_schedule", "write_schedule"]

#: Actions of a stage that are shown from its beginning and from its end.
_FIRST = 20
_LAST = 4
#: What a schedule claims of its gradients.
_GRADIENTS = {
    "exact": "exact",
    "accumulated": "stale, but exact where U goes to a digital accumulator or to a fast array with gamma 0, and "
    "transfers are separate, at ends of mini-batches",
    "stale": "stale",
}
#: What the closed forms of a schedule are called.
_FORMS = {
    "makespan_cycles": "makespan",
    "bubble_fraction": "bubble",
    "in_flight": "in flight at each stage",
    "stored": "stored",
    "staleness": "staleness",
}


def print_schedule(experiment: Experiment) -> None:
    """Print actions of each stage and ordered place, which layers wait, what is stored and stale, and cycles."""
    prepared = prepare_whole(experiment)
    schedule = prepared.schedule
    shape, console = schedule.shape, out()
    updates = f", update: {schedule.update}" if schedule.trains else ""
    console.print(
        f"{schedule.kind}: stages: {shape.stages}, mini-batches: {shape.mini_batches}, "
        f"micro-batches in each: {shape.micro_batches}{updates}",
        soft_wrap=True,
    )
    if schedule.stashes:
        console.print(
            "Bs meets free copies of the weights that its F met: hypothetical, no crossbar makes them", soft_wrap=True
        )
    width = len(str(shape.stages - 1))
    for stage in range(shape.stages):
        console.print(f"stage {stage:>{width}}: {_shortened(map(str, schedule.stage(stage)))}", soft_wrap=True)
    if schedule.turns is not None:
        for place in range(shape.place_count):
            turns = (f"{stage}:{action}" for stage, action in schedule.place(place))
            console.print(f"place {place:>{width}}: {_shortened(turns)}", soft_wrap=True)
    for line in barrier_lines(prepared):
        console.print(line, soft_wrap=True)
    if schedule.trains:
        profile = prepared.profile
        console.print(f"stored from F to U, at most: {_written(profile.stored_max)} micro-batches", soft_wrap=True)
        stale = f"mean updates from F to B: {_written(profile.staleness)}"
        console.print(f"gradients: {_GRADIENTS[gradients_of(schedule, profile)]}; {stale}", soft_wrap=True)
    one = "F and B of one cycle" if schedule.trains else "F of one cycle"
    for cycles, said in ((StageCycles(), one), (StageCycles(1, 1, 1), "F, B and U of one cycle")):
        known = schedule.closed_forms.of(schedule, cycles)
        if known and (schedule.trains or not cycles.update):
            told = ", ".join(f"{_FORMS[name]}: {_written(value)}" for name, value in known.items())
            console.print(f"equal stages, {said}: {told}", soft_wrap=True)


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


def _written(value: int | float | tuple[int, ...] | tuple[float, ...]) -> str:
    """Return one number, or those of all stages, of which equal ones are told once."""
    if not isinstance(value, tuple):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{value[0]:g}" if len({*value}) == 1 else " ".join(f"{one:g}" for one in value)


def _shortened(actions: Iterator[str]) -> str:
    first = list(islice(actions, _FIRST))
    last: deque[str] = deque(maxlen=_LAST)
    rest = 0
    for action in actions:
        rest += 1
        last.append(action)
    left_out = (f"... ({rest - len(last)} more) ...",) if rest > len(last) else ()
    return " ".join([*first, *left_out, *last])
