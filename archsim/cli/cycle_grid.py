"""A schedule as a grid in a terminal: a row for each stage, a column for each cycle."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from rich.text import Text

from archsim.report.colours import ACTION_COLOURS, OTHER_COLOUR, label_colour
from archsim.schedule import StageCycles
from archsim.schedule.action_times import ActionTimes

__all__ = ["cycle_grid", "in_cycles"]

#: Most rows, and fewest columns with which a grid says something.
_ROWS = 32
_COLUMNS = 8
#: Columns between two numbers of cycles.
_RULER = 5


def in_cycles(times: tuple[StageCycles, ...]) -> tuple[tuple[StageCycles, ...], int]:
    """Return times in their largest common unit, and that unit in theirs."""
    numbers = [number for own in times for number in (own.forward, own.backward, own.update)]
    unit = math.gcd(*numbers) or 1
    return tuple(
        replace(own, forward=own.forward // unit, backward=own.backward // unit, update=own.update // unit)
        for own in times
    ), unit


def cycle_grid(times: ActionTimes, width: int) -> list[Text]:
    """Return the lines of a grid, of the first cycles that fit into a width; none if too few do.

    Parameters
    ----------
    times : ActionTimes
        The schedule laid over cycles.
    width : int
        Characters of a line.
    """
    shape = times.schedule.shape
    stages = sorted(range(shape.stages), key=lambda stage: (times.places[stage], stage))
    shared = len({*times.places}) < shape.stages
    labels = [f"place {times.places[stage]}, stage {stage}" if shared else f"stage {stage}" for stage in stages]
    margin = max(map(len, labels)) + 1
    symbols = max(map(len, times.schedule.kinds))
    for digits in range(1, len(str(shape.total)) + 1):
        cell = symbols + digits
        columns = min(times.makespan, (width - margin) // (cell + 1))
        shown = [number for number, begin in enumerate(times.begins) if begin < columns]
        if all(len(str(times.actions[number][1].micro_batch)) <= digits for number in shown):
            break
    longest = max(times.graph.durations, default=0)
    if columns < min(times.makespan, max(_COLUMNS, longest)) or not columns:
        return []
    lines = [_ruler(margin, columns, cell)]
    lines += [
        _row(times, stage, f"{label:<{margin}}", columns, cell)
        for stage, label in zip(stages[:_ROWS], labels, strict=False)
    ]
    return [*lines, *map(Text, _left_out(times, columns, len(stages)))]


def _ruler(margin: int, columns: int, cell: int) -> Text:
    marks = (f"{column:<{(cell + 1) * _RULER}}" for column in range(0, columns, _RULER))
    return Text(f"{'cycle':<{margin}}" + "".join(marks).rstrip(), style="dim")


def _row(times: ActionTimes, stage: int, label: str, columns: int, cell: int) -> Text:
    """Return a row: an action in the cell of its first cycle, a line through its others, dots where nothing is done."""
    cells: list[tuple[str, str]] = [("\u00b7", "dim")] * columns
    for (at, action), begin, end in zip(times.actions, times.begins, times.ends, strict=True):
        if at == stage and begin < columns:
            colour = ACTION_COLOURS.get(action.kind, OTHER_COLOUR)
            style = f"{label_colour(action.kind)} on {colour}"
            for cycle in range(begin, min(end, columns)):
                cells[cycle] = (f"{action.kind}{action.micro_batch}" if cycle == begin else "\u2500" * cell, style)
    row = Text(label)
    for text, style in cells:
        row.append(f"{text:<{cell}}", style).append(" ")
    row.rstrip()
    return row


def _left_out(times: ActionTimes, columns: int, stages: int) -> Iterator[str]:
    """Say what the grid does not show."""
    if columns < times.makespan:
        yield f"shown are the first {columns} cycles; archsim schedule --figure FILE draws more"
    if stages > _ROWS:
        yield f"shown are the first {_ROWS} of {stages} stages"
    kinds = times.schedule.kinds
    longest = dict.fromkeys(kinds, 0)
    for (_, action), duration in zip(times.actions, times.graph.durations, strict=True):
        longest[action.kind] = max(longest[action.kind], duration)
    if hidden := [symbol for symbol, duration in longest.items() if not duration]:
        yield f"{' and '.join(hidden)} take{'s' if len(hidden) == 1 else ''} no time here"
