"""Several runs of one command: their folder, and what a person reads of them."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli.console import SafeConsole, out
from archsim.cli.progress import Advance, watched
from archsim.cli.stopping import stop_requests
from archsim.errors import ArchsimError, InputError

if TYPE_CHECKING:
    from archsim.experiment import Experiment
    from archsim.results import Run, RunCollection

__all__ = ["Target", "collect", "print_collection", "told_once", "write_collection"]

_TABLE = "comparison.csv"
_RUNS = "runs.csv"
_FIGURE = "comparison.svg"
#: Keys that are told with their values; of more there are the names.
_MOST_KEYS = 24
#: Numbers in a warning that a run measured, which are others under another seed; counts and names of keys are not.
_MEASURED = re.compile(r"(?<![\w.'-])(?:\d+(?:\.\d+)?(?=%)|\d+\.\d+(?:e[+-]?\d+)?(?![\w.]))")


@dataclass(frozen=True, slots=True)
class Target:
    """The folder of several runs.

    Attributes
    ----------
    output : Path or None
        The folder; None for a fresh one.
    force : bool
        Whether a folder of the same kind that is there is replaced.
    resume : bool
        Whether finished runs that are there are kept, and unfinished ones go on.
    """

    output: Path | None
    force: bool
    resume: bool = False

    def check(self) -> None:
        """Raise the error that `opened` would raise for what stands there.

        Raises
        ------
        InputError
            If the folder may not be used, or the options contradict each other.
        """
        from archsim.runs import check_place

        if self.resume and (self.force or self.output is None):
            raise InputError(
                "runs are either resumed or started again" if self.force else "nothing says which runs to resume",
                field="--resume",
                remedy="leave out --force" if self.force else "give their folder with -o",
            )
        if self.output is None:
            return
        check_place(self.output)
        if not os.path.lexists(self.output) or (self.output.is_dir() and not any(self.output.iterdir())):
            return
        from archsim.explore import POINTS_FILE

        ours = self.output.is_dir() and any((self.output / name).is_file() for name in (POINTS_FILE, _TABLE))
        if not ours or self.output.is_symlink():
            raise InputError(
                "the output folder exists already, and it does not hold several runs of archsim, so it is not used",
                value=str(self.output),
                remedy="give another folder with -o",
            )
        from archsim.results.lock import LOCK_FILE, FolderLock

        for lock in self.output.rglob(LOCK_FILE) if self.force else ():
            FolderLock(lock.parent).release()  # Says so if another process is at work there.
        if not self.force and not self.resume:
            raise InputError(
                "the output folder exists already",
                value=str(self.output),
                remedy="--resume to go on with what is there, --force to start again, or another folder with -o",
            )

    @contextmanager
    def opened(self, name: str) -> Iterator[Path]:
        """Yield the folder; what `force` replaces comes back if nothing takes its place."""
        from archsim.runs import fresh_folder

        if self.output is None:
            with fresh_folder(name) as directory:
                yield directory
            return
        from archsim.results.folder import writing_to

        aside = None
        if self.force and self.output.exists():
            aside = self.output.with_name(f".{self.output.name[:200]}.{uuid.uuid4().hex[:8]}.old")
            self.output.rename(aside)
        try:
            with writing_to(self.output):
                self.output.mkdir(parents=True, exist_ok=True)
            yield self.output
        except BaseException:
            if aside is not None and not _has_something(self.output):
                shutil.rmtree(self.output, ignore_errors=True)
                aside.rename(self.output)
                aside = None
            raise
        finally:
            if aside is not None:
                shutil.rmtree(aside, ignore_errors=True)


def _has_something(directory: Path) -> bool:
    """Return whether a run that stands there can be shown, or gone on with."""
    return any(any(directory.rglob(name)) for name in ("run.json", "checkpoint-*.bin"))


def collect(experiments: Mapping[str, Experiment], seeds: Sequence[int] | None, target: Target, name: str) -> None:
    """Make the runs of some points under some seeds, write and print what they have in common and where they differ.

    Raises
    ------
    InputError
        If the folder cannot be used.
    Stopped
        If it was interrupted; ``--resume`` goes on.
    ArchsimError
        If runs failed; the others are there.
    """
    target.check()
    with stop_requests() as asked, target.opened(name) as directory:
        from archsim.explore import run_points
        from archsim.report import write_views
        from archsim.runs import Stopped

        def views(run: Run, folder: Path) -> None:
            # One report a point: they take longer than a short run, and 'archsim report' writes the others.
            if not seeds or run.settings["run"]["seed"] == seeds[0]:
                write_views(run, folder)

        try:
            runs = run_points(experiments, directory, seeds=seeds, views=views, watched=_told_when_done, asked=asked)
        except Stopped as stopped:
            problem = f"interrupted; finished runs are in {directory}"
            without = ", without --force" if target.force else ""
            raise Stopped(f"{problem}\n  resume:  the same command with -o {directory} --resume{without}") from stopped
        write_collection(runs, directory)
        print_collection(runs, directory)
    if runs.failures:
        raise ArchsimError(
            "\n".join(
                f"{', '.join(filter(None, (point, f'seed {seed}')))} failed: {why}"
                for (point, seed), why in runs.failures.items()
            )
        )


@contextmanager
def _told_when_done(title: str) -> Iterator[Callable[[Advance], None] | None]:
    """Yield what `watched` yields; where there is no terminal for its bar, a line tells that the run is finished."""
    with watched(title) as show:
        yield show
    if show is None:
        SafeConsole(stderr=True, highlight=False, markup=False).print(f"finished: {title}", soft_wrap=True)


def write_collection(runs: RunCollection, directory: Path) -> None:
    """Write the tables of a collection, by point and by run, and its figure."""
    from archsim.report import comparison, save_figure
    from archsim.results.folder import writing_to
    from archsim.results.tables import write_csv

    with writing_to(directory):
        write_csv(runs.summary().dropna(axis=1, how="all"), directory / _TABLE)
        write_csv(runs.frame().dropna(axis=1, how="all"), directory / _RUNS)
        save_figure(comparison(runs), directory / _FIGURE)


def print_collection(runs: RunCollection, directory: Path | None) -> None:
    """Print a table, the keys in which the runs differ, and what has to be known before comparing them."""
    from archsim.cli.summary import comparison_table
    from archsim.results import contrasts, firsts

    console = out()
    console.print(comparison_table(runs))
    for line in (*_differences(runs), *contrasts(runs), *firsts(runs), *_warnings(runs)):
        console.print(line, soft_wrap=True)
    if directory is not None:
        console.print(f"table:   {directory / _TABLE}", soft_wrap=True)
        console.print(f"figure:  {directory / _FIGURE}", soft_wrap=True)


def _differences(runs: RunCollection) -> Iterator[str]:
    from archsim.cli.differing import shown
    from archsim.results import differing_keys

    first = runs.first_runs
    found = differing_keys(*first.values()) if len(first) > 1 else {}
    if found:
        yield f"keys that differ ({_joined(first)}):"
    for key, values in list(found.items())[:_MOST_KEYS]:
        yield f"  {key}: {', '.join(map(shown, values))}"
    if len(found) > _MOST_KEYS:
        yield f"  and {', '.join(list(found)[_MOST_KEYS:])}"


def _warnings(runs: RunCollection) -> Iterator[str]:
    by_point = {
        point: [text for run in seeds.values() for text in run.warnings] for point, seeds in runs.points.items()
    }
    return (f"warning {text}" if text.startswith("(") else f"warning: {text}" for text in told_once(by_point))


def told_once(by_point: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Yield each warning once, with the points that give it and the range of the numbers that they measured."""
    told: dict[str, tuple[list[str], list[list[str]]]] = {}
    for point, warnings in by_point.items():
        for warning in warnings:
            points, numbers = told.setdefault(_MEASURED.sub("\0", warning), ([], []))
            points += [point] if point and point not in points else []
            numbers.append(_MEASURED.findall(warning))
    for text, (points, numbers) in told.items():
        warning = text
        for found in zip(*numbers, strict=True):
            warning = warning.replace("\0", _range(found), 1)
        yield f"({_joined(points)}): {warning}" if points else warning


def _range(numbers: Sequence[str]) -> str:
    least, most = min(numbers, key=float), max(numbers, key=float)
    return least if least == most else f"{least} to {most}"


def _joined(points: Iterable[str]) -> str:
    """Write the names of some points one after the other; those of a grid have commas in them."""
    names = list(points)
    return ("; " if any("," in name for name in names) else ", ").join(names)
