"""One function that makes the runs of all points and seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from archsim.document.axes import with_seed
from archsim.errors import ArchsimError
from archsim.experiment import Experiment
from archsim.explore.folder import point_folders, run_folder
from archsim.explore.record import CollectionRecord, PointRecord, write_record
from archsim.explore.tasks import RunTask, Show, Views, finish
from archsim.results import Run, RunCollection
from archsim.results.folder import writing_to
from archsim.runs import Stopped

__all__ = ["run_points"]


def _unwatched(title: str) -> AbstractContextManager[Show]:
    return nullcontext()


def run_points(
    points: Mapping[str, Experiment],
    directory: str | Path,
    *,
    seeds: Sequence[int] | None = None,
    views: Views = None,
    watched: Callable[[str], AbstractContextManager[Show]] = _unwatched,
    asked: Callable[[], bool] | None = None,
) -> RunCollection:
    """Make the runs of some points under some seeds, each in a folder of its own, ``DIR/POINT/seed-N``.

    Runs that are finished already are loaded; unfinished ones go on from their newest checkpoint. So a call that was
    interrupted is simply made again. An error of one run is noted and the others are made all the same.

    Parameters
    ----------
    points : mapping of str to Experiment
        What to simulate, by the name of the point. A point without a name has no folder of its own: ``DIR/seed-N``.
    directory : str or Path
        The folder, which is made if it is not there.
    seeds : sequence of int, optional
        The seeds of every point; by default each runs under its own ``run.seed``.
    views : callable, optional
        ``views(run, folder)`` writes what a person looks at beside the data of each run, as
        `archsim.report.write_views` does.
    watched : callable, optional
        ``watched(title)`` is a context that yields what shows the progress of a run.
    asked : callable, optional
        Says between events whether to stop.

    Raises
    ------
    Stopped
        If a run was interrupted; what there is of it stands in its folder.
    ArchsimError
        The error of the first run, if all failed.
    """
    root = Path(directory)
    with writing_to(root):
        root.mkdir(parents=True, exist_ok=True)
    folders = point_folders(points)
    chosen = {name: tuple(seeds) if seeds else (experiment.run.seed,) for name, experiment in points.items()}
    places = {name: PointRecord(folder, list(chosen[name])) for name, folder in folders.items()}
    write_record(root, CollectionRecord(points=places))
    done: dict[str, dict[int, Run]] = {name: {} for name in points}
    errors: dict[tuple[str, int], ArchsimError] = {}
    for name, experiment in points.items():
        for seed in chosen[name]:
            title = ", ".join(part for part in (name, f"seed {seed}" if seeds else "") if part) or experiment.name
            try:
                with watched(title) as show:
                    place = run_folder(root, folders[name], seed)
                    task = RunTask(name, seed, with_seed(experiment, seed), place)
                    done[name][seed] = finish(task, views=views, asked=asked, show=show)
            except Stopped:
                raise
            except ArchsimError as error:
                errors[name, seed] = error
    if errors and not any(done.values()):
        raise next(iter(errors.values()))
    return RunCollection(done, {at: str(error) for at, error in errors.items()})
