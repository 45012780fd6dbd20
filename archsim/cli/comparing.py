"""The command ``compare``: runs side by side in one table and one figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from archsim import plugins
from archsim.cli.collecting import Target, collect, print_collection, write_collection
from archsim.cli.console import out
from archsim.cli.loading import load
from archsim.document.axes import Axis, point_overrides, read_axis
from archsim.errors import InputError

__all__ = ["Comparison", "chosen_kinds", "compare_experiment", "compare_folders", "folders_among"]

_SCHEDULE = "schedule.kind"
#: What a kind of schedule comes to as long as none of its own keys is set.
_EQUAL_BY_DEFAULT = {"hybrid": "synchronous without schedule.asynchronous_mini_batches"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a user wants compared.

    Attributes
    ----------
    schedules : sequence of str
        Kinds of schedules; with no other axis, none means those of `chosen_kinds`.
    vary : sequence of str
        Axes, ``KEY=a,b``.
    overrides : sequence of str
        Laid over every point.
    mode : str or None
        Takes the place of ``run.mode``.
    seeds : sequence of int or None
        Seeds of every point.
    """

    schedules: Sequence[str]
    vary: Sequence[str]
    overrides: Sequence[str]
    mode: str | None
    seeds: Sequence[int] | None

    def __bool__(self) -> bool:
        return bool(self.schedules or self.vary or self.overrides or self.mode or self.seeds)

    def points(self, default: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the overrides of every point by its name.

        Parameters
        ----------
        default : sequence of str
            Kinds of schedules where nothing says what to compare.

        Raises
        ------
        InputError
            If an axis is none, or names no schedule.
        """
        axes = [read_axis(text) for text in self.vary]
        kinds = tuple(dict.fromkeys(self.schedules))
        if kinds or not axes:
            axes.insert(0, Axis(_SCHEDULE, kinds or tuple(default)))
        for axis in axes:
            for kind in axis.values if axis.key == _SCHEDULE else ():
                if kind not in plugins.names("archsim.schedules"):
                    raise plugins.unknown("archsim.schedules", kind, field="--schedule")
        return point_overrides(axes)


def chosen_kinds(trains: bool) -> tuple[list[str], dict[str, str]]:
    """Return the kinds of schedule that are compared by themselves, and why others are left out.

    Parameters
    ----------
    trains : bool
        Whether schedules that train are compared, or those that do not.
    """
    chosen, left_out = [], {}
    for name in plugins.names("archsim.schedules"):
        kind = plugins.load("archsim.schedules", name)
        needed = [key for key, field in kind.Settings.model_fields.items() if field.is_required()]
        if kind.trains != trains:
            left_out[name] = "does not train" if trains else "trains"
        elif needed:
            left_out[name] = f"needs schedule.{needed[0]}"
        elif name in _EQUAL_BY_DEFAULT:
            left_out[name] = f"is {_EQUAL_BY_DEFAULT[name]}"
        else:
            chosen.append(name)
    return chosen, left_out


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
            remedy="give one experiment and --schedule or --vary, or folders that 'archsim run' wrote",
        )
    return folders


def compare_folders(
    folders: Sequence[Path], target: Target, wanted: Comparison, accuracies: Sequence[float] = ()
) -> None:
    """Put finished runs side by side; without a folder for the results, only the table is printed.

    A folder of several runs (of ``compare`` or ``run --seeds``) brings all its points. What each run took to each of
    the given test accuracies stands in a table of its own.

    Raises
    ------
    InputError
        If a folder holds no runs, or something is asked for that finished runs cannot do.
    """
    if wanted or target.resume:
        raise InputError(
            "--schedule, --vary, --seeds, --set, --mode and --resume are for an experiment; these are finished runs",
            field="RUN_DIR",
            value=str(folders[0]),
            remedy="leave them out, or give one experiment",
        )
    target.check()
    from archsim.explore import POINTS_FILE, load_collection
    from archsim.results import Run, RunCollection, load_run

    points: dict[str, dict[int, Run]] = {}
    failures: dict[tuple[str, int], str] = {}
    for name, folder in zip(_names(folders), folders, strict=True):
        if not (folder / POINTS_FILE).is_file():
            if (folder.resolve().parent / POINTS_FILE).is_file() and not (folder / "run.json").is_file():
                raise InputError(
                    "the folder holds the seeds of one point of several",
                    field="RUN_DIR",
                    value=str(folder),
                    remedy=f"compare all its points, 'archsim compare {folder.parent}', or single runs, "
                    f"as {folder}/seed-1",
                )
            run = load_run(folder)
            points[name] = {int(run.settings["run"]["seed"]): run}
            continue
        found = load_collection(folder)
        for point, by_seed in found.points.items():
            label = point if len(folders) == 1 else f"{name}: {point}" if point else name
            points[label] = dict(by_seed)
        failures |= found.failures
    runs = RunCollection(points, failures)
    if target.output is not None:
        with target.opened("") as directory:
            write_collection(runs, directory)
            print_collection(runs, directory)
    else:
        print_collection(runs, None)
    if accuracies:
        from archsim.cli.showing_runs import print_targets

        print_targets(runs.to_targets(accuracies), ("run", "seed"))


def compare_experiment(name: str, wanted: Comparison, target: Target) -> None:
    """Run an experiment at every point and under every seed, and compare the runs.

    Raises
    ------
    InputError
        If a point is no experiment, or the folder cannot be used.
    ArchsimError
        If runs failed; what could be made is compared all the same.
    """
    # All are read before the first runs, so that no mistake comes to light after an hour.
    kinds: list[str] = []
    left_out: dict[str, str] = {}
    if not wanted.schedules and not wanted.vary:
        own = load(name, wanted.overrides, wanted.mode).schedule.kind
        kinds, left_out = chosen_kinds(plugins.load("archsim.schedules", own).trains)
    experiments = {
        point: load(name, [*wanted.overrides, *overrides], wanted.mode)
        for point, overrides in wanted.points(kinds).items()
    }
    if left_out:
        reasons = ", ".join(f"{kind} ({why})" for kind, why in left_out.items())
        out().print(f"left out: {reasons}; name them with --schedule KIND", soft_wrap=True)
    collect(experiments, wanted.seeds, target, f"{Path(name).stem}-compared")


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
