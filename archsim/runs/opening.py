"""Opening the folder that a run works in: a new one, or that of an unfinished run."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from archsim.document import resolved
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.results.workspace import State, Workspace, state_of
from archsim.runs.folders import check_place, fresh_paths
from archsim.runs.resuming import check_same

__all__ = ["open_fresh", "open_named", "open_to_resume"]


def open_fresh(experiment: Experiment) -> tuple[Path, Workspace]:
    """Make a new folder under ``runs``; two runs that start together never share one."""
    paths = fresh_paths(experiment.name)
    while True:
        path = next(paths)
        check_place(path)
        try:
            return path, Workspace.begin(path, resolved(experiment), version("archsim"))
        except InputError:
            if state_of(path) is State.ABSENT:
                raise


def open_named(experiment: Experiment, directory: Path, *, force: bool) -> Workspace:
    """Make the folder that a user named.

    Raises
    ------
    InputError
        If there is one that may not be replaced, or none can be made there.
    """
    check_place(directory)
    return Workspace.begin(directory, resolved(experiment), version("archsim"), force=force)


def open_to_resume(experiment: Experiment, directory: Path) -> Workspace | None:
    """Open the folder of a run that is to go on; None if it is finished.

    A folder that is not there, or empty, is made: the run starts.

    Raises
    ------
    InputError
        If it is no folder of a run, or the run was begun with another experiment or version.
    """
    state = state_of(directory)
    if state in (State.ABSENT, State.EMPTY):
        return open_named(experiment, directory, force=state is State.EMPTY)
    if state is State.FOREIGN:
        raise InputError(
            "this is not the folder of a run, so there is nothing to resume",
            field="--resume",
            value=str(directory),
            remedy="give the folder of a run with -o, or leave out --resume",
        )
    if state is State.UNFINISHED:
        space = Workspace.resume(directory, version("archsim"))
        # The process that had the lock before may have come to the end.
        if state_of(directory) is State.UNFINISHED:
            try:
                check_same(experiment, directory, finished=False)
            except InputError:
                space.leave()
                raise
            return space
        space.leave()
    check_same(experiment, directory, finished=True)
    Workspace.sweep(directory)
    return None
