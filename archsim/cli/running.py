"""The commands ``run`` and ``report``."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsim import plugins
from archsim.cli.console import out
from archsim.cli.progress import watched
from archsim.cli.stopping import asked_to_stop
from archsim.document import find_experiment, load_experiment
from archsim.errors import ArchsimError, InputError

if TYPE_CHECKING:
    from archsim.experiment import Experiment
    from archsim.results import Run
    from archsim.results.workspace import Workspace

__all__ = ["Stopped", "load", "rewrite_report", "run_experiment"]

#: How often a run looks whether its folder is still there, in seconds of wall-clock time.
_LOOK_EVERY_S = 0.2


class Stopped(ArchsimError):  # noqa: N818
    """The run was interrupted; what there is of it stands in its folder."""

    exit_code = 130


def load(name: str, overrides: Sequence[str], mode: str | None) -> Experiment:
    """Return the experiment of a file or a workload; its data set must be a registered one."""
    file = find_experiment(name)
    experiment = load_experiment(file, overrides, mode)
    if experiment.data.name not in plugins.names("archsim.datasets"):
        raise plugins.unknown("archsim.datasets", experiment.data.name, field="data.name")
    return experiment


def check_options(output: Path | None, *, force: bool, resume: bool) -> None:
    """Refuse options that contradict each other.

    Raises
    ------
    InputError
        If they do.
    """
    if resume and force:
        raise InputError(
            "a run is either resumed or started again", field="--resume, --force", remedy="leave one of them out"
        )
    if resume and output is None:
        raise InputError("nothing says which run to resume", field="--resume", remedy="give its folder with -o")


def run_experiment(experiment: Experiment, output: Path | None, *, force: bool, resume: bool, as_json: bool) -> None:
    """Simulate an experiment, save it, and print its summary (or its ``run.json``).

    Raises
    ------
    InputError
        If the experiment or the folder cannot be used so.
    Stopped
        If the run was interrupted.
    """
    from archsim.cli import opening

    with asked_to_stop() as asked:
        space: Workspace | None
        if output is None:
            directory, space = opening.open_fresh(experiment)
        elif resume:
            directory, space = output, opening.open_to_resume(experiment, output)
        else:
            directory, space = output, opening.open_named(experiment, output, force=force)
        run = _finished(directory) if space is None else _run_in(space, directory, experiment, asked, resume)
    _print(run, directory, as_json)


def rewrite_report(directory: Path) -> None:
    """Write the report of a saved run anew, and say where it is."""
    from archsim.report import write_report
    from archsim.results import load_run

    write_report(load_run(directory), directory)
    out().print(f"report: {directory / 'report.html'}", soft_wrap=True)


@dataclass(slots=True)
class _Watch:
    """Says whether a run is to stop, and now and then looks after its folder."""

    space: Workspace
    asked: Callable[[], bool]
    look_next: float = field(default_factory=time.monotonic)

    def __call__(self) -> bool:
        now = time.monotonic()
        if now >= self.look_next:
            self.look_next = now + _LOOK_EVERY_S
            self.space.check()
        return self.asked()


def _run_in(space: Workspace, directory: Path, experiment: Experiment, asked: Callable[[], bool], resume: bool) -> Run:
    """Simulate in a folder that is this run's, and leave it finished or fit to go on."""
    try:
        return _simulate(space, directory, experiment, asked, resume)
    except OSError as error:
        space.check()
        problem = f"the run cannot write to {directory}: {error.strerror or error}"
        raise ArchsimError(_stuck(space, directory, problem)) from error
    except ArchsimError as error:
        if isinstance(error, InputError) or not isinstance(error.__cause__, OSError):
            raise
        space.check()
        raise ArchsimError(_stuck(space, directory, str(error))) from error
    finally:
        space.leave()


def _simulate(
    space: Workspace, directory: Path, experiment: Experiment, asked: Callable[[], bool], resume: bool
) -> Run:
    from archsim.report import write_views
    from archsim.simulation import Interrupted, simulate

    def views(folder: Path) -> None:
        write_views(run, folder)

    try:
        with watched(experiment.name) as progress:
            run = simulate(
                experiment,
                progress=progress,
                workspace=space.directory,
                resume=resume,
                interrupted=_Watch(space, asked),
            )
    except Interrupted as stopped:
        run = _so_far(stopped.run)
        space.save(run, complete=False, extra=(views,))
        raise Stopped(_stopped(run, directory)) from stopped
    space.save(run, complete=True, extra=(views,))
    return run


def _so_far(run: Run) -> Run:
    done = run.observations.mini_batches
    return replace(
        run, warnings=(*run.warnings, f"interrupted after {done} mini-batches: these are the results so far")
    )


def _stopped(run: Run, directory: Path) -> str:
    from archsim.cli.resuming import resume_command

    return (
        f"interrupted after {run.observations.mini_batches} mini-batches; "
        f"a checkpoint and the results so far are in {directory}\n  resume:  {resume_command(directory)}"
    )


def _stuck(space: Workspace, directory: Path, problem: str) -> str:
    """Return what to say where the machine, not the user, stops a run."""
    from archsim.cli.resuming import resume_command

    if space.has_checkpoint:
        return f"{problem}\n  remedy:  make room there, then {resume_command(directory)}"
    return f"{problem}\n  remedy:  make room there, then run it again"


def _finished(directory: Path) -> Run:
    from archsim.results import load_run

    return load_run(directory)


def _print(run: Run, directory: Path, as_json: bool) -> None:
    if as_json:
        sys.stdout.write((directory / "run.json").read_text(encoding="utf-8"))
        return
    from archsim.cli.summary import notes, summary_table

    console = out()
    console.print(summary_table(run))
    for line in notes(run, directory):
        console.print(line, soft_wrap=True)
