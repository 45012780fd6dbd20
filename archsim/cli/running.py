"""The commands ``run`` and ``report``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archsim import plugins
from archsim.cli.console import out
from archsim.cli.folders import check_place, fresh_folder
from archsim.cli.progress import watched
from archsim.document import find_experiment, load_experiment

if TYPE_CHECKING:
    from archsim.experiment import Experiment
    from archsim.results import Run

__all__ = ["load", "rewrite_report", "run_experiment", "simulate_into", "target"]


def load(name: str, overrides: Sequence[str], mode: str | None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one."""
    file = find_experiment(name)
    experiment = load_experiment(file, overrides, mode)
    if experiment.data.name not in plugins.names("archsim.datasets"):
        raise plugins.unknown("archsim.datasets", experiment.data.name, field="data.name")
    return experiment


def run_experiment(
    name: str, overrides: Sequence[str], mode: str | None, output: Path | None, *, force: bool, as_json: bool
) -> None:
    """Simulate an experiment, save it, and print its summary (or its ``run.json``)."""
    experiment = load(name, overrides, mode)
    with target(experiment.name, output, force=force) as directory:
        run = simulate_into(directory, experiment, force=force or output is None)
    if as_json:
        sys.stdout.write((directory / "run.json").read_text(encoding="utf-8"))
        return
    from archsim.cli.summary import notes, summary_table

    console = out()
    console.print(summary_table(run))
    for line in notes(run, directory):
        console.print(line, soft_wrap=True)


@contextmanager
def target(name: str, output: Path | None, *, force: bool) -> Iterator[Path]:
    """Yield the folder for the results of a run, refused before the simulation if it cannot be written."""
    if output is None:
        with fresh_folder(name) as directory:
            yield directory
        return
    from archsim.results import check_run_directory

    check_place(output)
    check_run_directory(output, force=force)
    yield output


def simulate_into(directory: Path, experiment: Experiment, *, force: bool) -> Run:
    """Simulate an experiment and save the run with its report."""
    from archsim import simulate
    from archsim.report import write_run

    with watched(experiment.name) as progress:
        run = simulate(experiment, progress=progress)
    write_run(run, directory, force=force)
    return run


def rewrite_report(directory: Path) -> None:
    """Write the report of a saved run anew, and say where it is."""
    from archsim.report import write_report
    from archsim.results import load_run

    write_report(load_run(directory), directory)
    out().print(f"report: {directory / 'report.html'}", soft_wrap=True)
