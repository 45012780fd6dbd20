"""The command ``compare``: runs side by side in one table and one figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from archsim import plugins
from archsim.cli.console import out
from archsim.cli.loading import load
from archsim.cli.progress import watched
from archsim.errors import InputError
from archsim.runs.folders import check_place, fresh_folder

if TYPE_CHECKING:
    from archsim.experiment import Experiment
    from archsim.results import Run

__all__ = ["compare_experiment", "compare_folders", "folders_among"]

_TABLE = "comparison.csv"
_FIGURE = "comparison.svg"


def folders_among(subjects: Sequence[str]) -> list[Path]:
    """Return the folders that a user wants compared; none if it is one experiment.

    Raises
    ------
    InputError
        If it is neither.
    """
    folders = [Path(subject) for subject in subjects if Path(subject).is_dir()]
    if not folders and len(subjects) == 1:
        return []
    if len(folders) < len(subjects):
        strange = next(subject for subject in subjects if not Path(subject).is_dir())
        raise InputError(
            "several things can be compared only if all are folders of results",
            field="RUN_DIR",
            value=strange,
            remedy="give one experiment and --schedule, or folders that 'archsim run' wrote",
        )
    return folders


def compare_folders(folders: Sequence[Path], output: Path | None, *, force: bool, run_options: bool) -> None:
    """Put finished runs side by side; without `output`, only the table is printed."""
    if run_options:
        raise InputError(
            "--schedule, --set and --mode are for an experiment; these are finished runs",
            field="RUN_DIR",
            value=str(folders[0]),
            remedy="leave them out, or give one experiment",
        )
    if output is not None:
        _check(output, force)
    from archsim.results import load_run

    runs = {name: load_run(folder) for name, folder in zip(_names(folders), folders, strict=True)}
    if output is None:
        _print(runs)
        return
    _write(runs, output, force=force, with_runs=False)
    _print(runs, output)


def compare_experiment(
    name: str, schedules: Sequence[str], overrides: Sequence[str], mode: str | None, output: Path | None, *, force: bool
) -> None:
    """Run an experiment under several schedules (all that there are, if none is named) and compare the runs."""
    kinds = tuple(dict.fromkeys(schedules)) or plugins.names("archsim.schedules")
    for kind in kinds:
        if kind not in plugins.names("archsim.schedules"):
            raise plugins.unknown("archsim.schedules", kind, field="--schedule")
    # All are read before the first runs, so that no mistake comes to light after an hour.
    experiments = {kind: load(name, [*overrides, f"schedule.kind={kind}"], mode) for kind in kinds}
    with _target(f"{Path(name).stem}-compared", output, force=force) as directory:
        runs = {kind: _simulate(experiment) for kind, experiment in experiments.items()}
        _write(runs, directory, force=force or output is None, with_runs=True)
        _print(runs, directory)


def _simulate(experiment: Experiment) -> Run:
    from archsim import simulate

    with watched(f"{experiment.name} ({experiment.schedule.kind})") as progress:
        return simulate(experiment, progress=progress)


@contextmanager
def _target(name: str, output: Path | None, *, force: bool) -> Iterator[Path]:
    if output is None:
        with fresh_folder(name) as directory:
            yield directory
    else:
        _check(output, force)
        yield output


def _check(output: Path, force: bool) -> None:
    from archsim.results.folder import check_target

    check_place(output)
    check_target(output, marker=_TABLE, force=force)


def _write(runs: Mapping[str, Run], directory: Path, *, force: bool, with_runs: bool) -> None:
    from archsim.report import comparison, save_figure, write_run
    from archsim.results import compare_runs
    from archsim.results.folder import write_folder
    from archsim.results.tables import write_csv

    table = compare_runs(runs)

    def fill(folder: Path) -> None:
        for name, run in runs.items() if with_runs else ():
            write_run(run, folder / name)
        write_csv(table, folder / _TABLE)
        save_figure(comparison(table), folder / _FIGURE)

    write_folder(directory, (fill,), marker=_TABLE, force=force)


def _print(runs: Mapping[str, Run], directory: Path | None = None) -> None:
    from archsim.cli.summary import comparison_table

    console = out()
    console.print(comparison_table(runs))
    for name, run in runs.items():
        for warning in run.warnings:
            console.print(f"warning ({name}): {warning}", soft_wrap=True)
    if directory is not None:
        console.print(f"table:   {directory / _TABLE}", soft_wrap=True)
        console.print(f"figure:  {directory / _FIGURE}", soft_wrap=True)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return what to call each folder: its own name where that is unique, else its path; twice the same is numbered."""
    own = Counter(folder.resolve().name for folder in folders)
    names = [folder.resolve().name if own[folder.resolve().name] == 1 else str(folder) for folder in folders]
    seen: Counter[str] = Counter()
    for i, name in enumerate(names):
        seen[name] += 1
        if seen[name] > 1:
            names[i] = f"{name} ({seen[name]})"
    return names
