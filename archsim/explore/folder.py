"""The folder of a collection: which point and seed lies where."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from archsim.errors import InputError
from archsim.files import read_regular
from archsim.results import Run, RunCollection, load_run
from archsim.results.folder import write_file, writing_to

__all__ = ["FORMAT", "MOST_BYTES", "POINTS_FILE", "load_collection", "point_folders", "run_folder", "write_points"]

#: The file that makes a folder that of a collection.
POINTS_FILE = "points.json"
_LONGEST = 80
MOST_BYTES = 64 * 2**20
FORMAT = 1


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


def write_points(directory: Path, folders: Mapping[str, str], seeds: Mapping[str, Iterable[int]]) -> None:
    """Write which points and seeds belong to the collection."""
    record = {
        "format": FORMAT,
        "points": {point: {"folder": name, "seeds": list(seeds[point])} for point, name in folders.items()},
    }
    with writing_to(directory):
        write_file(directory / POINTS_FILE, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def load_collection(directory: str | Path) -> RunCollection:
    """Return the runs that `run_points` left in a folder; those that are missing are failures.

    Raises
    ------
    InputError
        If the folder holds no collection, or one of its runs is damaged.
    """
    folder = Path(directory)
    try:
        record = json.loads(read_regular(folder / POINTS_FILE, MOST_BYTES))
        places = {
            str(point): (str(at["folder"]), [int(seed) for seed in at["seeds"]])
            for point, at in record["points"].items()
        }
        known = record["format"] == FORMAT
    except FileNotFoundError:
        raise InputError(
            f"this folder holds no collection of runs: it has no {POINTS_FILE}",
            value=str(folder),
            remedy="give a folder that 'archsim compare' or 'archsim run --seeds' wrote",
        ) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError(f"{POINTS_FILE} cannot be read ({type(error).__name__})", value=str(folder)) from error
    if not known or any(Path(name).is_absolute() or ".." in Path(name).parts for name, _ in places.values()):
        raise InputError(f"{POINTS_FILE} is not of the format {FORMAT} that this archsim reads", value=str(folder))
    points: dict[str, dict[int, Run]] = {}
    failures: dict[tuple[str, int], str] = {}
    for point, (name, seeds) in places.items():
        points[point] = {}
        for seed in seeds:
            place = run_folder(folder, name, seed)
            if (place / "run.json").is_file():
                points[point][seed] = load_run(place)
            else:
                failures[point, seed] = "there are no results"
    return RunCollection(points, failures)
