"""A sweep: the points of a design space under several seeds, in a folder that can be taken up again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from archsim.document.axes import Axis, overrides_of, point_name, read_axis, read_seeds, with_seed
from archsim.errors import InputError
from archsim.experiment import Experiment
from archsim.explore.carrying import carried
from archsim.explore.folder import point_folders, run_folder
from archsim.explore.record import CollectionRecord, PointRecord, read_sweep, write_record
from archsim.explore.searches import load_search
from archsim.explore.tables import sweep_tables
from archsim.explore.tasks import Outcome, RunTask, outcome_of
from archsim.explore.workers import run_tasks
from archsim.results.folder import writing_to
from archsim.results.lock import LOCK_FILE, FolderLock
from archsim.results.tables import write_csv
from archsim.runs import Stopped, check_place
from archsim.simulation import experiment_of, identity

__all__ = ["POINTS_TABLE", "RUNS_TABLE", "Sweep", "SweepProgress", "sweep"]

POINTS_TABLE = "points.csv"
RUNS_TABLE = "runs.csv"
_MOST_WORKERS = 1024
_FIRST_SEED = 1


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """How far a sweep has come: runs that have ended, that failed among them, and that have been proposed so far."""

    ended: int
    failed: int
    total: int


def sweep(
    experiment: Experiment | str | Path | Mapping[str, object],
    vary: Mapping[str, Iterable[object]] | Sequence[str],
    directory: str | Path,
    *,
    overrides: Sequence[str] = (),
    mode: str | None = None,
    seeds: str | Iterable[int] | None = None,
    workers: int = 1,
    search: str = "grid",
    progress: Callable[[SweepProgress], None] | None = None,
) -> pd.DataFrame:
    """Run an experiment at the points of a design space and under several seeds, and return one row for each point.

    Each run has a folder of its own, ``DIR/POINT/seed-N``. The same call made again runs nothing again: runs that are
    finished count, and those that were interrupted go on. A run that fails is noted with its reason, and is tried again
    by the next call.

    Parameters
    ----------
    experiment : Experiment, path, workload name or mapping
        What varies.
    vary : mapping of str to iterable, or sequence of str
        The values of each key, ``{"chip.adc.bits": [6, 8]}`` or ``["chip.adc.bits=6,8"]``.
    directory : str or Path
        The folder, which is made if it is not there.
    overrides, mode
        Laid over every point; see `archsim.simulate`.
    seeds : str or iterable of int, optional
        ``"1..5"``, or whole numbers; by default each point runs under its own ``run.seed``.
    workers : int
        Processes that run side by side; with 1 all runs are made in this one. What was registered by
        `archsim.register` must be importable by the workers, so it stands in a module, not in the script itself.
    search : str
        The strategy that chooses points, a name of ``archsim list searches``.
    progress : callable, optional
        Called with a `SweepProgress` whenever a run has ended.

    Returns
    -------
    DataFrame
        What ``points.csv`` in the folder holds: ``point``, a column for each key, ``n``, ``failed``, ``failure``, and
        of each metric the mean and the sample standard deviation.

    Raises
    ------
    InputError
        If the folder holds something else, or another sweep that this one does not extend; or if no point is an
        experiment.
    """
    points, _ = Sweep(
        lambda values: experiment_of(experiment, [*overrides, *overrides_of(values)], mode),
        _axes(vary),
        Path(directory),
        None if seeds is None else read_seeds(seeds),
        workers,
        search,
    ).run(progress=progress)
    return points


def _axes(vary: Mapping[str, Iterable[object]] | Sequence[str]) -> list[Axis]:
    if not isinstance(vary, Mapping):
        return [read_axis(text) for text in vary]
    return [Axis(key, tuple(map(_text, values))) for key, values in vary.items()]


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True)
class Sweep:
    """A sweep that is to be made or gone on with.

    Attributes
    ----------
    load : callable
        ``load(values)`` returns the experiment of a point from the value of each key, as YAML text.
    axes : sequence of Axis
        The keys that vary.
    directory : Path
        The folder.
    seeds : tuple of int or None
        The seeds of every point; None for its own.
    workers : int
        Processes; 1 makes all runs in this one.
    search : str
        The strategy that proposes points.
    """

    load: Callable[[Mapping[str, str]], Experiment]
    axes: Sequence[Axis]
    directory: Path
    seeds: tuple[int, ...] | None
    workers: int = 1
    search: str = "grid"

    def run(
        self,
        *,
        asked: Callable[[], bool] | None = None,
        progress: Callable[[SweepProgress], None] | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Make the runs that are missing; return one row for each point, and one for each run.

        Raises
        ------
        Stopped
            If it was interrupted; the folder is fit to go on.
        InputError
            See `sweep`.
        """
        propose = load_search(self.search)
        self._check()
        with _taken(self.directory):
            under_way = _UnderWay(self)
            try:
                while (tasks := under_way.tasks(propose(self.axes, under_way.tables()[0]))) is not None:
                    for outcome in self._made(tasks, asked):
                        under_way.outcomes.append(outcome)
                        if progress is not None:
                            progress(under_way.progress)
            except Stopped as stopped:
                under_way.write_tables()
                raise Stopped(
                    f"interrupted; finished runs are in {self.directory}\n  resume:  the same command again"
                ) from stopped
            return under_way.write_tables()

    def _check(self) -> None:
        if not self.axes:
            raise InputError("nothing varies", field="--vary", allowed="KEY=a,b, such as chip.adc.bits=6,8")
        for axis in self.axes:
            if not axis.values:
                raise InputError("a key without values", field="--vary", value=axis.key)
        if isinstance(self.workers, bool) or not 1 <= self.workers <= _MOST_WORKERS:
            raise InputError(
                "not a number of workers", field="--workers", value=self.workers, allowed=f"1 to {_MOST_WORKERS}"
            )

    def _made(self, tasks: list[RunTask], asked: Callable[[], bool] | None) -> Iterator[Outcome]:
        """Yield what became of some runs, in the order in which they end."""
        if self.workers > 1:
            experiments = {task.point: task.experiment for task in tasks}
            yield from run_tasks(tasks, self.workers, carried(experiments.values()), asked)
            return
        for task in tasks:
            outcome = outcome_of(task, asked)
            if isinstance(outcome.error, Stopped):
                raise outcome.error
            yield outcome


class _UnderWay:
    """A sweep under way: what has been proposed, and what has become of it.

    Parameters
    ----------
    sweep : Sweep
        What is made.

    Attributes
    ----------
    outcomes : list of Outcome
        What became of the runs that have ended.
    """

    def __init__(self, sweep: Sweep) -> None:
        self._sweep = sweep
        self._before = read_sweep(sweep.directory)
        if self._before is not None:
            self._before.check_axes(sweep.search, sweep.axes, sweep.directory)
        self._record = CollectionRecord(sweep.search, {axis.key: list(axis.values) for axis in sweep.axes})
        self.outcomes: list[Outcome] = []

    @property
    def progress(self) -> SweepProgress:
        """How far it has come."""
        failed = sum(outcome.error is not None for outcome in self.outcomes)
        return SweepProgress(len(self.outcomes), failed, sum(len(at.seeds) for at in self._record.points.values()))

    def tasks(self, proposed: Sequence[Mapping[str, str]]) -> list[RunTask] | None:
        """Return the runs of what was proposed, and record the new points; None if no point is new."""
        named = {point_name(values): dict(values) for values in proposed}
        fresh = {name: values for name, values in named.items() if name not in self._record.points}
        if not fresh:
            return None
        experiments, errors = self._experiments(fresh)
        known = {} if self._before is None else self._before.points
        folders = point_folders(fresh, {name: at.folder for name, at in (known | self._record.points).items()})
        found = []
        for name, values in fresh.items():
            experiment = experiments.get(name)
            seeds = self._seeds(experiment or next(iter(experiments.values()), None))
            digest = None if experiment is None else _digest(experiment)
            if digest is not None and self._before is not None:
                self._before.check_point(name, seeds, digest, self._sweep.directory)
            self._record.points[name] = PointRecord(folders[name], list(seeds), values, digest)
            for seed in seeds:
                if experiment is None:
                    self.outcomes.append(Outcome(name, seed, error=errors[name]))
                else:
                    place = run_folder(self._sweep.directory, folders[name], seed)
                    found.append(RunTask(name, seed, with_seed(experiment, seed), place))
        # What the folder remembers never shrinks: a search that is taken up again comes to its later points in time.
        kept = {name: at for name, at in known.items() if name not in self._record.points}
        write_record(self._sweep.directory, replace(self._record, points=self._record.points | kept))
        return found

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return one row for each point, and one for each run."""
        values = {name: point.values for name, point in self._record.points.items()}
        return sweep_tables(values, list(self._record.axes), self.outcomes)

    def write_tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Write both tables into the folder and return them; columns without a number stay out of the files."""
        points, runs = self.tables()
        with writing_to(self._sweep.directory):
            write_csv(points.dropna(axis=1, how="all"), self._sweep.directory / POINTS_TABLE)
            write_csv(runs.dropna(axis=1, how="all"), self._sweep.directory / RUNS_TABLE)
        return points, runs

    def _seeds(self, experiment: Experiment | None) -> tuple[int, ...]:
        """Return the seeds of a point; those of one that is no experiment are its neighbour's."""
        return self._sweep.seeds or ((experiment.run.seed,) if experiment is not None else (_FIRST_SEED,))

    def _experiments(
        self, points: Mapping[str, Mapping[str, str]]
    ) -> tuple[dict[str, Experiment], dict[str, InputError]]:
        """Return the experiments of some points, and what is wrong with those that are none."""
        experiments: dict[str, Experiment] = {}
        errors: dict[str, InputError] = {}
        for name, values in points.items():
            try:
                experiments[name] = self._sweep.load(values)
            except InputError as error:
                errors[name] = error
        if not experiments and not self._record.points:
            raise next(iter(errors.values()))
        return experiments, errors


@contextmanager
def _taken(directory: Path) -> Iterator[None]:
    """Hold a sweep's folder, which is made if it is not there; one that holds something else is left alone."""
    check_place(directory)
    read_sweep(directory)
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(directory)
    try:
        with writing_to(directory):
            lock.sign(version("archsim"))
        yield
    finally:
        (directory / LOCK_FILE).unlink(missing_ok=True)
        lock.release()


def _digest(experiment: Experiment) -> str:
    """Return by what the experiment of a point is known again, whatever its seed."""
    return hashlib.sha256(identity(with_seed(experiment, 0)).encode()).hexdigest()
