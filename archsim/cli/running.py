"""The command ``run``."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from archsim.cli.console import out
from archsim.cli.progress import watched
from archsim.cli.stopping import StopRequest, stop_requests
from archsim.errors import ArchsimError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from archsim.cli.progress import Advance
    from archsim.experiment import Experiment
    from archsim.results import Run
    from archsim.results.workspace import Workspace

__all__ = ["RunOptions", "Stopped", "run_experiment"]


class Stopped(ArchsimError):  # noqa: N818
    """The run was interrupted; what there is of it stands in its folder."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Where a run works and what it shows.

    Attributes
    ----------
    output : Path or None
        Its folder; None for a fresh one.
    force : bool
        Whether a folder of archsim's that is there is replaced.
    resume : bool
        Whether the run that is there goes on.
    trace_window_ps : (int, int) or None
        The simulated time that the trace shows; None for all of it.
    """

    output: Path | None
    force: bool
    resume: bool
    trace_window_ps: tuple[int, int] | None

    @classmethod
    def checked(cls, output: Path | None, *, force: bool, resume: bool, trace_window: str | None) -> RunOptions:
        """Return options as a user gave them.

        Raises
        ------
        InputError
            If they contradict each other.
        """
        if resume and force:
            raise InputError(
                "a run is either resumed or started again", field="--resume, --force", remedy="leave one of them out"
            )
        if resume and output is None:
            raise InputError("nothing says which run to resume", field="--resume", remedy="give its folder with -o")
        window = None
        if trace_window is not None:
            from archsim.report import parse_window

            window = parse_window(trace_window)
        return cls(output, force, resume, window)


def run_experiment(experiment: Experiment, options: RunOptions, *, as_json: bool) -> None:
    """Simulate an experiment, save it, and print its summary (or its ``run.json``).

    Raises
    ------
    InputError
        If the experiment or the folder cannot be used so.
    Stopped
        If the run was interrupted.
    """
    from archsim.cli import opening
    from archsim.results import load_run

    with stop_requests() as asked:
        space: Workspace | None
        if options.output is None:
            directory, space = opening.open_fresh(experiment)
        elif options.resume:
            directory, space = options.output, opening.open_to_resume(experiment, options.output)
        else:
            directory, space = options.output, opening.open_named(experiment, options.output, force=options.force)
        run = load_run(directory) if space is None else _Job(experiment, options, space, directory, asked).run()
    _print(run, directory, as_json)


class _Watch:
    """Looks after a run: after each mini-batch, and so before each checkpoint, that its folder is still its own.

    Parameters
    ----------
    space : Workspace
        The folder.
    asked : StopRequest
        Says whether somebody wants the run to stop.
    show : callable or None
        Shows progress.
    """

    def __init__(self, space: Workspace, asked: StopRequest, show: Callable[[Advance], None] | None) -> None:
        self._space = space
        self._asked = asked
        self._show = show
        self._due = True

    def progress(self, now: Advance) -> None:
        """Take note of a mini-batch."""
        self._due = True
        if self._show is not None:
            self._show(now)

    def interrupted(self) -> bool:
        """Return whether the run is to stop."""
        if self._due:
            self._due = False
            self._space.check()
        return self._asked()


@dataclass(frozen=True, slots=True)
class _Job:
    """A run in a folder that is its own.

    Attributes
    ----------
    experiment : Experiment
        What to simulate.
    options : RunOptions
        How.
    space : Workspace
        The folder.
    directory : Path
        The folder as the user names it.
    asked : StopRequest
        Says whether somebody wants the run to stop.
    """

    experiment: Experiment
    options: RunOptions
    space: Workspace
    directory: Path
    asked: StopRequest

    def run(self) -> Run:
        """Simulate, and leave the folder finished or fit to go on."""
        try:
            return self._simulate()
        except OSError as error:
            self.space.check()
            problem = f"the run cannot write to {self.directory}: {error.strerror or error}"
            raise ArchsimError(self._stuck(problem)) from error
        except ArchsimError as error:
            if isinstance(error, InputError) or not isinstance(error.__cause__, OSError):
                raise
            self.space.check()
            raise ArchsimError(self._stuck(str(error))) from error
        finally:
            self.space.leave()

    def _simulate(self) -> Run:
        from archsim.simulation import Interrupted, simulate

        try:
            with watched(self.experiment.name) as show:
                watch = _Watch(self.space, self.asked, show)
                run = simulate(
                    self.experiment,
                    progress=watch.progress,
                    workspace=self.space.directory,
                    resume=self.options.resume,
                    interrupted=watch.interrupted,
                )
        except Interrupted as stopped:
            run = _so_far(stopped.run)
            self._save(run, complete=False)
            raise Stopped(self._stopped(run)) from stopped
        self._save(run, complete=True)
        return run

    def _save(self, run: Run, *, complete: bool) -> None:
        from archsim.report import write_views

        def views(folder: Path) -> None:
            write_views(run, folder, trace_window_ps=self.options.trace_window_ps)

        self.space.save(run, complete=complete, extra=(views,))

    def _stopped(self, run: Run) -> str:
        from archsim.cli.resuming import resume_command

        return (
            f"interrupted after {run.observations.mini_batches} mini-batches; a checkpoint and the results so far "
            f"are in {self.directory}\n  resume:  {resume_command(self.directory)}"
        )

    def _stuck(self, problem: str) -> str:
        """Return what to say where the machine, not the user, stops a run."""
        from archsim.cli.resuming import resume_command

        again = resume_command(self.directory) if self.space.has_checkpoint else "run it again"
        return f"{problem}\n  remedy:  make room there, then {again}"


def _so_far(run: Run) -> Run:
    done = run.observations.mini_batches
    warning = f"interrupted after {done} mini-batches: these are the results so far"
    return replace(run, warnings=(*run.warnings, warning))


def _print(run: Run, directory: Path, as_json: bool) -> None:
    if as_json:
        sys.stdout.write((directory / "run.json").read_text(encoding="utf-8"))
        return
    from archsim.cli.summary import inference_summary, notes, summary_table

    console = out()
    console.print(summary_table(run))
    if len(run.inference):
        console.print(inference_summary(run))
    for line in notes(run, directory):
        console.print(line, soft_wrap=True)
