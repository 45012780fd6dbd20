"""A run in a folder of its own: simulated to its end, or to where it is interrupted, and saved either way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from archsim.engine.observer import Progress
from archsim.errors import ArchsimError, InputError, PluginError
from archsim.experiment import Experiment
from archsim.results import Run
from archsim.results.workspace import Workspace
from archsim.runs.resuming import resume_command
from archsim.simulation import Interrupted, simulate

__all__ = ["RunJob", "Stopped"]


class Stopped(ArchsimError):  # noqa: N818
    """The run was interrupted; what there is of it stands in its folder."""

    exit_code = 130


class _Watch:
    """Looks after a run: after each mini-batch, and so before each checkpoint, that its folder is still its own.

    Parameters
    ----------
    space : Workspace
        The folder.
    asked : callable or None
        Says whether somebody wants the run to stop.
    show : callable or None
        Shows progress.
    """

    def __init__(
        self, space: Workspace, asked: Callable[[], bool] | None, show: Callable[[Progress], None] | None
    ) -> None:
        self._space = space
        self._asked = asked
        self._show = show
        self._due = True

    def progress(self, now: Progress) -> None:
        """Take note of a mini-batch."""
        self._due = True
        if self._show is not None:
            self._show(now)

    def interrupted(self) -> bool:
        """Return whether the run is to stop."""
        if self._due:
            self._due = False
            self._space.check()
        return self._asked is not None and self._asked()


@dataclass(frozen=True, slots=True)
class RunJob:
    """A run in a folder that is its own.

    Attributes
    ----------
    experiment : Experiment
        What to simulate.
    space : Workspace
        The folder, which the caller leaves afterwards.
    directory : Path
        The folder as the user names it.
    resume : bool
        Whether to go on from the newest checkpoint there.
    views : callable or None
        ``views(run, folder)`` writes what a person looks at (report, trace) beside the data.
    asked : callable or None
        Says whether somebody wants the run to stop.
    """

    experiment: Experiment
    space: Workspace
    directory: Path
    resume: bool = False
    views: Callable[[Run, Path], None] | None = None
    asked: Callable[[], bool] | None = None

    def run(self, show: Callable[[Progress], None] | None = None) -> Run:
        """Simulate, and leave the folder finished or fit to go on.

        Parameters
        ----------
        show : callable, optional
            Called with a `Progress` after every mini-batch.

        Raises
        ------
        Stopped
            If the run was interrupted; a checkpoint and the results so far are in the folder.
        ArchsimError
            If the experiment cannot be simulated as written, or the folder cannot be written to.
        """
        try:
            return self._simulate(show)
        except OSError as error:
            self.space.check()
            problem = f"the run cannot write to {self.directory}: {error.strerror or error}"
            raise ArchsimError(self._stuck(problem)) from error
        except ArchsimError as error:
            if isinstance(error, (InputError, PluginError)) or not isinstance(error.__cause__, OSError):
                raise
            self.space.check()
            raise ArchsimError(self._stuck(str(error))) from error

    def _simulate(self, show: Callable[[Progress], None] | None) -> Run:
        watch = _Watch(self.space, self.asked, show)
        try:
            run = simulate(
                self.experiment,
                progress=watch.progress,
                workspace=self.space.directory,
                resume=self.resume,
                interrupted=watch.interrupted,
            )
        except Interrupted as stopped:
            run = _so_far(stopped.run)
            self._save(run, complete=False)
            raise Stopped(self._stopped(run)) from stopped
        self._save(run, complete=True)
        return run

    def _save(self, run: Run, *, complete: bool) -> None:
        def views(folder: Path) -> None:
            if self.views is not None:
                self.views(run, folder)

        self.space.save(run, complete=complete, extra=(views,))

    def _stopped(self, run: Run) -> str:
        return (
            f"interrupted after {run.observations.mini_batches} mini-batches; a checkpoint and the results so far "
            f"are in {self.directory}\n  resume:  {resume_command(self.directory)}"
        )

    def _stuck(self, problem: str) -> str:
        """Return what to say where the machine, not the user, stops a run."""
        again = resume_command(self.directory) if self.space.has_checkpoint else "run it again"
        return f"{problem}\n  remedy:  make room there, then {again}"


def _so_far(run: Run) -> Run:
    done = run.observations.mini_batches
    warning = f"interrupted after {done} mini-batches: these are the results so far"
    return replace(run, warnings=(*run.warnings, warning))
