"""The command ``schedule``: what each stage does, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from rich.text import Text

from archsim.analog.copies import copy_error
from archsim.cli.barriers import barrier_lines
from archsim.cli.console import out
from archsim.cli.cycle_grid import cycle_grid, in_cycles
from archsim.cli.memory import memory_lines, version_line
from archsim.cli.schedule_times import MOST_ACTIONS, equal_stage_lines, stage_time_lines, written
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.folder import cannot_write, write_file
from archsim.schedule import Schedule, StageCycles, gradients_of
from archsim.schedule.specification import copy_noise
from archsim.simulation import Prepared, prepare_whole, updates_seen
from archsim.units import format_duration

__all__ = ["draw_schedule", "print_schedule", "write_schedule"]

#: Actions of a stage that are shown from its beginning and from its end.
_FIRST = 20
_LAST = 4
#: Endings of files that hold a picture, and no text.
_PICTURES = (".png", ".svg", ".pdf")
#: What a schedule claims of its gradients.
_GRADIENTS = {
    "exact": "exact",
    "previous": "stale by one mini-batch; forward and backward of each meet the same weights",
    "stale": "stale",
}
#: What becomes of one that applies each mini-batch, action by action, before the next: by what its algorithms say.
_ACCUMULATED = {
    "end": "exact here: U goes to {}, and the arrays that F and B read change at ends of mini-batches only",
    "transfers": "stale here: U goes to {}, but transfers fall due within mini-batches; exact where they fall due at "
    "ends of them",
    "at once": "stale here: U changes the arrays that F and B read",
    "unknown": "stale, but exact where U goes to a digital accumulator or to a fast array with gamma 0, and what it "
    "holds reaches the weights at ends of mini-batches only",
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
    if schedule.weight_sets > 1:
        console.print(_copied(schedule), soft_wrap=True)
    width = len(str(shape.stages - 1))
    for stage in range(shape.stages):
        console.print(f"stage {stage:>{width}}: {_shortened(map(str, schedule.stage(stage)))}", soft_wrap=True)
    if schedule.turns is not None:
        for place in range(shape.place_count):
            turns = (f"{stage}:{action}" for stage, action in schedule.place(place))
            console.print(f"place {place:>{width}}: {_shortened(turns)}", soft_wrap=True)
    for text in _grid(prepared, console.width):
        console.print(text, soft_wrap=True)
    for line in barrier_lines(prepared):
        console.print(line, soft_wrap=True)
    if schedule.trains:
        profile = prepared.profile
        of_these = "micro-batch" if max(profile.stored_max) == 1 else "micro-batches"
        console.print(f"stored from F to U, at most: {written(profile.stored_max)} {of_these}", soft_wrap=True)
        for line in (*memory_lines(prepared), version_line(prepared)):
            console.print(line, soft_wrap=True)
        of = "from F to B" if schedule.weight_sets == 1 else "between the weights that F and B meet and the newest ones"
        stale = f"mean updates {of}: {written(profile.staleness)}"
        console.print(f"gradients: {_gradients(prepared)}; {stale}", soft_wrap=True)
    for line in (*equal_stage_lines(prepared), *stage_time_lines(prepared)):
        console.print(line, soft_wrap=True)


def _gradients(prepared: Prepared) -> str:
    """Return what the gradients are, in words."""
    claimed = gradients_of(prepared.schedule, prepared.profile)
    if claimed != "accumulated":
        return _GRADIENTS[claimed]
    seen = updates_seen(prepared.layout)
    if seen.when == "end" and not seen.accumulators:
        return "exact here: U goes to what digital units hold, which F and B meet at ends of mini-batches only"
    return _ACCUMULATED[seen.when].format(" and ".join(seen.accumulators))


def draw_schedule(experiment: Experiment, figure: Path) -> None:
    """Draw the schedule over the times of its stages into a file.

    Raises
    ------
    InputError
        If the file is none of a figure, or there is nothing to draw.
    """
    from archsim.report import save_figure
    from archsim.report.figures import schedule_figure

    prepared = prepare_whole(experiment)
    times = prepared.action_times(most_actions=MOST_ACTIONS)
    if not times.makespan:
        raise InputError(
            "this schedule takes no time, so there is nothing to draw", field="--figure", value=str(figure)
        )
    modelled = prepared.stage_cycles is None
    said = "modelled stage times, without waiting for shared units" if modelled else "stage times of the chip"
    try:
        figure.parent.mkdir(parents=True, exist_ok=True)
        save_figure(schedule_figure(times, prepared.schedule.shape.mini_batches, said), figure)
    except OSError as error:
        raise cannot_write(figure, error) from error
    out().print(f"figure: {figure}", soft_wrap=True)


def _copied(schedule: Schedule) -> str:
    """Tell what becomes of weights that are copied from set to set."""
    noise = copy_noise(schedule.settings)
    left = "exact copies, which no crossbar makes"
    if noise is not None:
        left = f"each misses a weight by about {copy_error(noise):.2g} of the largest one of its crossbar"
    return f"two sets of crossbars, which mini-batches take in turn; C copies the newest weights: {left}"


def write_schedule(experiment: Experiment, path: Path) -> None:
    """Write all actions into a new file, one line a stage; by the ending of its name, draw it instead.

    Raises
    ------
    InputError
        If there is something at that path, or nothing may be written there.
    """
    if path.exists():
        raise InputError("the file exists already", field="--output", value=str(path), remedy="give another with -o")
    if path.suffix in _PICTURES:
        draw_schedule(experiment, path)
        return
    schedule = prepare_whole(experiment).schedule
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, schedule.to_text())
    except OSError as error:
        raise cannot_write(path, error) from error
    out().print(f"schedule: {path}", soft_wrap=True)
    if copying := [symbol for symbol, kind in schedule.kinds.items() if kind.copies_weights]:
        out().print(
            f"schedule.kind: file does not read it: it holds {' and '.join(copying)}, which copies weights between "
            "sets of crossbars",
            soft_wrap=True,
        )


def _grid(prepared: Prepared, width: int) -> list[Text]:
    """Return the schedule as a grid of cycles: those of a stage engine, or equal ones where only a run knows them."""
    schedule, engine = prepared.schedule, prepared.stage_cycles
    stages = schedule.shape.stages
    cycles, unit_ps = in_cycles((engine or StageCycles(),) * stages)
    if not schedule.shape.total:
        return []
    lines = cycle_grid(prepared.action_times(cycles, MOST_ACTIONS), width)
    if not lines:
        return []
    what = "equal stages" if engine is None else f"a cycle is {format_duration(unit_ps)}"
    return [Text(""), *lines, Text(f"({what})"), Text("")]


def _shortened(actions: Iterator[str]) -> str:
    first = list(islice(actions, _FIRST))
    last: deque[str] = deque(maxlen=_LAST)
    rest = 0
    for action in actions:
        rest += 1
        last.append(action)
    left_out = (f"... ({rest - len(last)} more) ...",) if rest > len(last) else ()
    return " ".join([*first, *left_out, *last])
