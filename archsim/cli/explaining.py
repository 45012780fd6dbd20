"""Why a run took its time, as tables in a terminal: its bubble by cause, and the units on its critical path."""

from __future__ import annotations

from rich.console import Console

from archsim.cli.console import plain_table
from archsim.report.bounds import bound_note, bound_rows, bubble_rows
from archsim.results import Run

__all__ = ["print_explanation"]


def print_explanation(run: Run, console: Console) -> None:
    """Print the bubble of a run by cause, and what bounds its time; nothing of a run without a clock."""
    if len(run.bubble):
        console.print("bubble by cause (idle shares of the makespan)")
        console.print(plain_table(*bubble_rows(run), numbers_from=1))
    if rows := bound_rows(run):
        console.print("what bounds the time (units on the critical path)")
        cells = [(row.unit, row.actions, row.share, row.gain) for row in rows]
        console.print(plain_table(("unit", "in", "of the path", "half its time gains"), cells, numbers_from=2))
        if note := bound_note(run):
            console.print(note, soft_wrap=True)
