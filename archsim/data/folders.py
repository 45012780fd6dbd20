"""Where the files of a data set are looked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archsim.data.specification import DataSpecification
from archsim.errors import InputError

__all__ = ["VARIABLE", "folders", "locate"]

VARIABLE = "ARCHSIM_DATA"


def folders(name: str, path: str | None) -> tuple[Path, ...]:
    """Return the folders that may hold a data set, the first choice first.

    These are `path` (``data.path``; relative to the current folder), the folder that the environment
    variable ``ARCHSIM_DATA`` names, and the folder in it that is called like the data set.
    """
    found = [] if path is None else [Path(path).expanduser()]
    root = os.environ.get(VARIABLE)
    if root:
        found += [Path(root).expanduser(), Path(root).expanduser() / name]
    return tuple(found)


def locate(specification: DataSpecification, files: Sequence[str]) -> Path:
    """Return the first folder that holds one of some files, plain or gzip.

    A folder that holds some of a data set's files is taken, so that the error names the one that is
    missing there and nothing is mixed from two places.

    Raises
    ------
    InputError
        If no folder does; it lists them all.
    """
    candidates = folders(specification.name, specification.path)
    for folder in candidates:
        if any((folder / f"{file}{ending}").is_file() for file in files for ending in ("", ".gz")):
            return folder
    looked = ", ".join(str(folder) for folder in candidates) or "nowhere (no folder is set)"
    raise InputError(
        f"the files of the data set '{specification.name}' were not found; looked in: {looked}",
        field="data.path" if specification.path is not None else "data.name",
        value=specification.path if specification.path is not None else specification.name,
        allowed=f"a folder with {', '.join(files)} (plain or .gz)",
        remedy=f"set data.path to that folder, or the environment variable {VARIABLE} to it or to the one above it",
    )
