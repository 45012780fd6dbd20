"""The command ``explore``: a sweep over a design space, its tables and its report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli.collecting import Target, told_once
from archsim.cli.console import out, plain_table
from archsim.cli.loading import load
from archsim.cli.progress import progress_bar
from archsim.cli.stopping import stop_requests
from archsim.cli.summary import POINT_COLUMNS, mean_and_spread
from archsim.document.axes import overrides_of, read_axis, read_seeds
from archsim.errors import ArchsimError, printable

if TYPE_CHECKING:
    import pandas as pd

    from archsim.experiment import Experiment
    from archsim.explore import SweepProgress

__all__ = ["Exploration", "explore"]

_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class Exploration:
    """What a user wants explored.

    Attributes
    ----------
    experiment : str
        A YAML file or a workload.
    overrides : sequence of str
        Laid over every point.
    mode : str or None
        Takes the place of ``run.mode``.
    vary : sequence of str
        Axes, ``KEY=a,b``.
    seeds : str or None
        Seeds of every point.
    search : str
        The strategy that proposes points.
    workers : int
        Processes.
    """

    experiment: str
    overrides: Sequence[str]
    mode: str | None
    vary: Sequence[str]
    seeds: str | None
    search: str
    workers: int


def explore(wanted: Exploration, target: Target) -> None:
    """Make a sweep or go on with it, write its tables and report, and print its points.

    What stands in the folder goes on, unless `Target.force` replaces it.

    Raises
    ------
    InputError
        If it cannot be made so, or the folder holds something else.
    Stopped
        If it was interrupted; the same command goes on.
    ArchsimError
        If runs failed; the others are there.
    """
    from archsim.explore import Sweep
    from archsim.report import write_sweep_report
    from archsim.results.folder import writing_to
    from archsim.runs import Stopped

    axes = [read_axis(text) for text in wanted.vary]
    seeds = None if wanted.seeds is None else read_seeds(wanted.seeds)
    title = Path(wanted.experiment).stem

    def experiment_at(values: Mapping[str, str]) -> Experiment:
        return load(wanted.experiment, [*wanted.overrides, *overrides_of(values)], wanted.mode)

    named = None if target.force else target.output
    if named is None:
        target.check()
    place = target.opened(f"{title}-sweep") if named is None else nullcontext(named)
    with stop_requests() as asked, place as directory, _watched(title) as show:
        sweep = Sweep(experiment_at, axes, directory, seeds, wanted.workers, wanted.search)
        try:
            points, _ = sweep.run(asked=asked, progress=show)
        except Stopped as stopped:
            if named is not None:
                raise
            problem = f"interrupted; finished runs are in {directory}"
            without = ", without --force" if target.force else ""
            raise Stopped(f"{problem}\n  resume:  the same command with -o {directory}{without}") from stopped
        facts = {"search": wanted.search, **{axis.key: ", ".join(axis.values) for axis in axes}}
        facts |= {} if wanted.seeds is None else {"seeds": wanted.seeds}
        texts = zip(points["point"], points["warnings"], strict=True)
        warnings = list(told_once({point: text.splitlines() for point, text in texts if isinstance(text, str)}))
        keys = [axis.key for axis in axes]
        with writing_to(directory):
            report = write_sweep_report(points, keys, directory, name=title, facts=facts, warnings=warnings)
    _print(points, warnings, directory, report)
    failed = points[points["failed"] > 0]
    if len(failed):
        lines = [f"{row['point']}: {row['failed']} failed: {row['failure']}" for row in failed.to_dict("records")]
        raise ArchsimError("\n".join(["some runs failed; the same command tries them again", *lines]))


def _print(points: pd.DataFrame, warnings: Sequence[str], directory: Path, report: Path) -> None:
    """Print a row for each point, the first ones of many, and where the rest is."""
    from archsim.explore.sweeping import POINTS_TABLE, RUNS_TABLE

    columns = [column for column in POINT_COLUMNS if points[column[1]].notna().any()]
    shown = points.head(_MOST_ROWS).to_dict("records")
    rows = [
        (
            str(row["point"]),
            str(row["n"]) + (f" (+{row['failed']} failed)" if row["failed"] else ""),
            *(mean_and_spread(row[name], row[f"{name}_std"], write) for _, name, write in columns),
        )
        for row in shown
    ]
    console = out()
    console.print(plain_table(("point", "runs", *(label for label, _, _ in columns)), rows, numbers_from=1))
    if len(points) > len(shown):
        console.print(f"and {len(points) - len(shown)} more points", soft_wrap=True)
    for warning in warnings:
        console.print(f"warning {warning}", soft_wrap=True)
    console.print(f"points:  {directory / POINTS_TABLE}", soft_wrap=True)
    console.print(f"runs:    {directory / RUNS_TABLE}", soft_wrap=True)
    console.print(f"report:  {report}", soft_wrap=True)


@contextmanager
def _watched(title: str) -> Iterator[Callable[[SweepProgress], None] | None]:
    """Yield what a sweep reports its progress to; None where nobody watches."""
    with progress_bar("runs{task.fields[failed]}") as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task(printable(title), total=None, failed="")

        def report(now: SweepProgress) -> None:
            failed = f", {now.failed} failed" if now.failed else ""
            bar.update(task, completed=now.ended, total=now.total, failed=failed)

        yield report
