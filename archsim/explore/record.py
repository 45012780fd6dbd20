"""What a sweep's folder remembers of it: its axes, and of each point its values, its folder and its experiment."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from archsim.document.axes import Axis
from archsim.errors import InputError
from archsim.explore.folder import FORMAT, MOST_BYTES, POINTS_FILE
from archsim.files import read_regular
from archsim.results.folder import write_file, writing_to
from archsim.results.lock import LOCK_FILE

__all__ = ["PointRecord", "SweepRecord", "read_record", "write_record"]

_PARTIAL = f".{POINTS_FILE}.partial"


@dataclass(slots=True)
class PointRecord:
    """A point of a sweep.

    Attributes
    ----------
    folder : str
        The name of its folder.
    seeds : list of int
        Its seeds.
    values : dict of str to str
        The value of each key that varies, as YAML text.
    experiment : str or None
        Digest of its experiment; None if the document was refused.
    """

    folder: str
    seeds: list[int]
    values: dict[str, str]
    experiment: str | None


@dataclass(slots=True)
class SweepRecord:
    """A sweep.

    Attributes
    ----------
    search : str
        The strategy that proposes points.
    axes : dict of str to list of str
        The values of each key that varies.
    points : dict of str to PointRecord
        Points by name, in the order in which they were proposed.
    """

    search: str
    axes: dict[str, list[str]]
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
            raise _another("--search", directory, search, self.search)
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
                "or give another folder with -o",
            )


def read_record(directory: Path) -> SweepRecord | None:
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
        found = json.loads(read_regular(directory / POINTS_FILE, MOST_BYTES))
        if found["format"] != FORMAT:
            raise ValueError("another format")
        points = {
            str(name): PointRecord(
                str(at["folder"]), [int(s) for s in at["seeds"]], dict(at["values"]), at["experiment"]
            )
            for name, at in found["points"].items()
        }
        if any(Path(point.folder).is_absolute() or ".." in Path(point.folder).parts for point in points.values()):
            raise ValueError("a folder that lies elsewhere")
        return SweepRecord(
            str(found["search"]), {str(k): [str(v) for v in vs] for k, vs in found["axes"].items()}, points
        )
    except FileNotFoundError as error:
        raise _no_sweep(directory, f"it has no {POINTS_FILE}") from error
    except OSError as error:
        raise _no_sweep(directory, f"{POINTS_FILE} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _no_sweep(directory, f"{POINTS_FILE} is not as a sweep writes it") from error


def write_record(directory: Path, record: SweepRecord) -> None:
    """Write what a folder is to remember.

    Raises
    ------
    ArchsimError
        If it cannot be written.
    """
    text = json.dumps({"format": FORMAT, **asdict(record)}, indent=1, ensure_ascii=False)
    with writing_to(directory):
        write_file(directory / POINTS_FILE, text + "\n")


def _no_sweep(directory: Path, why: str) -> InputError:
    return InputError(
        f"this folder holds something, and no sweep that can be gone on with ({why})",
        field="--output",
        value=str(directory),
        remedy="give another folder with -o",
    )


def _another(field_: str, directory: Path, now: str, before: str) -> InputError:
    return InputError(
        f"the folder {directory} holds another sweep",
        field=field_,
        value=now,
        allowed=before,
        remedy="extend that sweep, or give another folder with -o",
    )


def _joined(seeds: Sequence[int]) -> str:
    return ",".join(map(str, seeds))
