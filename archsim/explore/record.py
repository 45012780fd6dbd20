"""What the folder of several runs remembers of them: where each point lies, and of a sweep what it varies."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from archsim.document.axes import Axis
from archsim.errors import InputError
from archsim.files import read_regular
from archsim.results.folder import write_file, writing_to
from archsim.results.lock import LOCK_FILE

__all__ = ["POINTS_FILE", "CollectionRecord", "PointRecord", "read_record", "read_sweep", "write_record"]

#: The file that makes a folder that of several runs.
POINTS_FILE = "points.json"
_MOST_BYTES = 64 * 2**20
_FORMAT = 1
_PARTIAL = f".{POINTS_FILE}.partial"


@dataclass(slots=True)
class PointRecord:
    """A point of a collection.

    Attributes
    ----------
    folder : str
        The name of its folder.
    seeds : list of int
        Its seeds.
    values : dict of str to str
        Of a sweep: the value of each key that varies, as YAML text.
    experiment : str or None
        Of a sweep: digest of its experiment; None if the document was refused.
    """

    folder: str
    seeds: list[int]
    values: dict[str, str] = field(default_factory=dict)
    experiment: str | None = None


@dataclass(slots=True)
class CollectionRecord:
    """Several runs of one folder, a sweep's or others.

    Attributes
    ----------
    search : str or None
        The strategy that proposes the points of a sweep; None for a collection that is none.
    axes : dict of str to list of str
        The values of each key that varies in a sweep.
    points : dict of str to PointRecord
        Points by name, in the order in which they were proposed.
    """

    search: str | None = None
    axes: dict[str, list[str]] = field(default_factory=dict)
    points: dict[str, PointRecord] = field(default_factory=dict)

    def check_axes(self, search: str, axes: Sequence[Axis], directory: Path) -> None:
        """Check that another sweep is this one, or extends it: the same keys, all values and perhaps more.

        Raises
        ------
        InputError
            If it is another one.
        """
        now: Mapping[str, Sequence[str]] = {axis.key: axis.values for axis in axes}
        if search != self.search:
            raise _another("--search", directory, search, str(self.search))
        if list(now) != list(self.axes):
            raise _another("--vary", directory, ", ".join(now), ", ".join(self.axes))
        for key, values in self.axes.items():
            missing = [value for value in values if value not in now[key]]
            if missing:
                raise _another("--vary", directory, f"{key}={','.join(now[key])}", f"{','.join(values)}, and more")

    def check_point(self, name: str, seeds: Sequence[int], digest: str, directory: Path) -> None:
        """Check that a point is made of the experiment that it was made of before, under its seeds and perhaps more.

        Raises
        ------
        InputError
            If it is another one.
        """
        before = self.points.get(name)
        if before is None:
            return
        if not set(before.seeds) <= set(seeds):
            raise _another("--seeds", directory, _joined(seeds), f"{_joined(before.seeds)}, and more")
        if before.experiment not in (None, digest):
            raise InputError(
                f"the folder {directory} holds another sweep: its point '{name}' was begun with another experiment",
                field="EXPERIMENT",
                remedy=f"compare with 'archsim diff EXPERIMENT {directory / before.folder}/seed-{before.seeds[0]}', "
                "give another folder with -o, or --force to replace it",
            )


def read_record(directory: Path, refused: Callable[[str], InputError]) -> CollectionRecord:
    """Return what a folder remembers of its runs.

    Parameters
    ----------
    directory : Path
        The folder.
    refused : callable
        Returns the error to raise, from why there is nothing that could be read.
    """
    try:
        found = json.loads(read_regular(directory / POINTS_FILE, _MOST_BYTES))
        if found["format"] != _FORMAT:
            raise refused(f"{POINTS_FILE} is not of the format {_FORMAT} that this archsim reads")
        record = CollectionRecord(
            found.get("search"),
            {str(key): [str(value) for value in values] for key, values in found.get("axes", {}).items()},
            {str(name): _point(at) for name, at in found["points"].items()},
        )
    except FileNotFoundError as error:
        raise refused(f"it has no {POINTS_FILE}") from error
    except OSError as error:
        raise refused(f"{POINTS_FILE} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise refused(f"{POINTS_FILE} is not as archsim writes it") from error
    return record


def _point(at: Mapping[str, Any]) -> PointRecord:
    folder = Path(str(at["folder"]))
    if folder.is_absolute() or ".." in folder.parts:
        raise ValueError("a folder that lies elsewhere")
    return PointRecord(
        str(at["folder"]), [int(seed) for seed in at["seeds"]], dict(at.get("values", {})), at.get("experiment")
    )


def read_sweep(directory: Path) -> CollectionRecord | None:
    """Return what a folder remembers of its sweep; None if it is empty or not there.

    Raises
    ------
    InputError
        If it holds something else.
    """
    if not os.path.lexists(directory):
        return None
    if not directory.is_dir():
        raise InputError(
            "this is not a folder", field="--output", value=str(directory), remedy="give another folder with -o"
        )
    # What a process that was killed before its first word left is nothing.
    try:
        if all(path.name in (LOCK_FILE, _PARTIAL) for path in directory.iterdir()):
            return None
    except OSError as error:
        raise _no_sweep(directory, f"it cannot be read: {error.strerror}") from error
    record = read_record(directory, lambda why: _no_sweep(directory, why))
    if record.search is None:
        raise _no_sweep(directory, "its runs are not those of a sweep", replaceable=True)
    return record


def write_record(directory: Path, record: CollectionRecord) -> None:
    """Write what a folder is to remember.

    Raises
    ------
    ArchsimError
        If it cannot be written.
    """
    text = json.dumps({"format": _FORMAT, **asdict(record)}, indent=1, ensure_ascii=False)
    with writing_to(directory):
        write_file(directory / POINTS_FILE, text + "\n")


def _no_sweep(directory: Path, why: str, *, replaceable: bool = False) -> InputError:
    return InputError(
        f"this folder holds something, and no sweep that can be gone on with ({why})",
        field="--output",
        value=str(directory),
        remedy="give another folder with -o" + (", or --force to replace it" if replaceable else ""),
    )


def _another(field_: str, directory: Path, now: str, before: str) -> InputError:
    return InputError(
        f"the folder {directory} holds another sweep",
        field=field_,
        value=now,
        allowed=before,
        remedy="extend that sweep, give another folder with -o, or --force to replace it",
    )


def _joined(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds))
