"""The folder of a collection: which point and seed lies where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from archsim.errors import InputError
from archsim.explore.record import read_record
from archsim.results import Run, RunCollection, load_run

__all__ = ["load_collection", "point_folders", "run_folder"]

_LONGEST = 80


def point_folders(points: Iterable[str], taken: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Return the name of the folder of each point; a point without a name has none of its own.

    Parameters
    ----------
    points : iterable of str
        Names of points.
    taken : mapping of str to str
        Points that have a folder already, and its name.
    """
    folders: dict[str, str] = {}
    for point in points:
        plain = re.sub(r"[^\w.+-]+", "-", point).strip("-.")[:_LONGEST] or ("point" if point else "")
        name, number = taken.get(point, plain), 1
        while point not in taken and name in {*folders.values(), *taken.values()}:
            number += 1
            name = f"{plain}-{number}"
        folders[point] = name
    return folders


def run_folder(directory: Path, point_folder: str, seed: int) -> Path:
    """Return the folder of one run, ``DIR/POINT/seed-N``."""
    return directory / point_folder / f"seed-{seed}"


def load_collection(directory: str | Path) -> RunCollection:
    """Return the runs that `run_points` or a sweep left in a folder; those that are missing are failures.

    Raises
    ------
    InputError
        If the folder holds no collection, or one of its runs is damaged.
    """
    folder = Path(directory)

    def refused(why: str) -> InputError:
        return InputError(
            f"this folder holds no collection of runs: {why}",
            value=str(folder),
            remedy="give a folder that 'archsim compare', 'archsim explore' or 'archsim run --seeds' wrote",
        )

    points: dict[str, dict[int, Run]] = {}
    failures: dict[tuple[str, int], str] = {}
    for point, at in read_record(folder, refused).points.items():
        points[point] = {}
        for seed in at.seeds:
            place = run_folder(folder, at.folder, seed)
            if (place / "run.json").is_file():
                points[point][seed] = load_run(place)
            else:
                failures[point, seed] = "there are no results"
    return RunCollection(points, failures)
