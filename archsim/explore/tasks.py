"""One run of a sweep: what it is, and how it is brought to its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archsim.engine.observer import Progress
from archsim.errors import ArchsimError
from archsim.experiment import Experiment
from archsim.results import Run, load_run
from archsim.results.compared import compared_row
from archsim.runs import RunJob, open_to_resume

__all__ = ["Outcome", "RunTask", "Show", "Views", "finish", "outcome_of"]

#: Shows the progress of a run, or nothing.
Show = Callable[[Progress], None] | None
#: Writes what a person looks at beside the data of a run.
Views = Callable[[Run, Path], None] | None


@dataclass(frozen=True, slots=True)
class RunTask:
    """A run of a point under a seed.

    Attributes
    ----------
    point : str
        The name of the point.
    seed : int
        The seed.
    experiment : Experiment
        The experiment under that seed.
    place : Path
        Its folder.
    """

    point: str
    seed: int
    experiment: Experiment
    place: Path


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    Attributes
    ----------
    point, seed
        Which run.
    row : mapping or None
        The numbers that are compared, see `archsim.results.compared.compared_row`; None if it failed.
    error : ArchsimError or None
        Why it failed; `Stopped` if it was interrupted and its folder is fit to go on.
    warnings : tuple of str
        What the run warns of.
    """

    point: str
    seed: int
    row: Mapping[str, Any] | None = None
    error: ArchsimError | None = None
    warnings: tuple[str, ...] = ()


def finish(task: RunTask, *, views: Views = None, asked: Callable[[], bool] | None = None, show: Show = None) -> Run:
    """Bring a run to its end and return it as its folder holds it, so that its timeline takes no memory.

    A run that is finished already is loaded, an unfinished one goes on from its newest checkpoint.

    Raises
    ------
    Stopped
        If it was interrupted.
    ArchsimError
        If it cannot be made.
    """
    space = open_to_resume(task.experiment, task.place)
    if space is not None:
        with space:
            RunJob(task.experiment, space, task.place, resume=True, views=views, asked=asked).run(show)
    return load_run(task.place)


def outcome_of(task: RunTask, asked: Callable[[], bool] | None = None, show: Show = None) -> Outcome:
    """Bring a run to its end, and return what became of it; whatever goes wrong is that run's alone."""
    try:
        run = finish(task, asked=asked, show=show)
        return Outcome(task.point, task.seed, compared_row(run), warnings=tuple(run.warnings))
    except ArchsimError as error:
        return Outcome(task.point, task.seed, error=error)
    except Exception as error:  # A plug-in may fail in any way, and so may archsim; other points need not care.
        problem = f"{type(error).__name__}: {error}\n  remedy:  if this is not due to a plug-in, please report it"
        return Outcome(task.point, task.seed, error=ArchsimError(problem))
