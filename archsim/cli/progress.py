"""Progress of simulations, for a person who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from archsim.cli.console import SafeConsole
from archsim.errors import printable
from archsim.units import format_duration

__all__ = ["Advance", "progress_bar", "watched"]


class Advance(Protocol):
    """How far a simulation is: mini-batches done and in all, simulated time, events."""

    @property
    def done(self) -> int:
        """Mini-batches done."""

    @property
    def total(self) -> int:
        """Mini-batches of the run."""

    @property
    def time_ps(self) -> int:
        """Simulated time in picoseconds."""

    @property
    def events(self) -> int:
        """Events so far."""


@contextmanager
def progress_bar(*texts: str) -> Iterator[Progress | None]:
    """Yield a bar on the terminal, with texts between what is done and what is left; None where nobody watches."""
    console = SafeConsole(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *(TextColumn(text, markup=False) for text in texts),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield bar


@contextmanager
def watched(title: str) -> Iterator[Callable[[Advance], None] | None]:
    """Yield what a simulation reports its progress to; None where nobody watches.

    Parameters
    ----------
    title : str
        What is running.
    """
    with progress_bar("mini-batches {task.fields[rate]}", "simulated {task.fields[simulated]}") as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task(printable(title), total=None, rate="", simulated="0 ps")

        def report(now: Advance) -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            bar.update(
                task,
                completed=now.done,
                total=now.total,
                rate=f"({speed:.1f}/s)" if speed else "",
                simulated=format_duration(now.time_ps),
            )

        yield report
