"""Where the files of a data set are looked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archsim.data.files import COMPRESSED
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

__all__ = ["KINDS", "VARIABLE", "find", "find_named", "folders", "locate", "refuse"]

VARIABLE = "ARCHSIM_DATA"
#: How files may be packed, in words.
KINDS = f"plain, {' or '.join(COMPRESSED)}"


def folders(name: str, path: str | None) -> tuple[Path, ...]:
    """Return the folders that may hold a data set, the first choice first.

    These are `path` (``data.path``; relative to the current folder), the folder that the environment
    variable ``ARCHSIM_DATA`` names, and the folder in it that is called like the data set.
    """
    found = [] if path is None else [_path(path, "data.path")]
    root = os.environ.get(VARIABLE)
    if root:
        found += [_path(root, VARIABLE), _path(root, VARIABLE) / name]
    return tuple(found)


def locate(specification: DataSpecification, files: Sequence[str], *, remedy: str | None = None) -> Path:
    """Return the first folder that holds one of some files, plain or compressed.

    A folder that holds some of a data set's files is taken, so that the error names the one that is
    missing there and nothing is mixed from two places.

    Raises
    ------
    InputError
        If no folder does; it lists them all.
    """
    candidates = folders(specification.name, specification.path)
    if specification.path is not None and _is_file(candidates[0]):
        raise InputError(
            f"a file, and the data set '{specification.name}' lies in a folder",
            field="data.path",
            value=specification.path,
            allowed=f"a folder with {', '.join(files)} ({KINDS})",
        )
    for folder in candidates:
        if any(find(folder, file) for file in files):
            return folder
    raise InputError(
        f"the files of the data set '{specification.name}' were not found; {_looked(candidates)}",
        field="data.path" if specification.path is not None else "data.name",
        value=specification.path if specification.path is not None else specification.name,
        allowed=f"a folder with {', '.join(files)} ({KINDS})",
        remedy=remedy
        or f"set data.path to that folder, or the environment variable {VARIABLE} to it or to the one above it",
    )


def find(folder: Path, name: str) -> Path | None:
    """Return a file of a folder, plain or compressed, or None."""
    candidates = (folder / f"{name}{ending}" for ending in ("", *COMPRESSED))
    return next((file for file in candidates if _is_file(file)), None)


def find_named(specification: DataSpecification, field: str, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that a user names, each from the first place that has it.

    They are looked for in ``data.path``, from the current folder, and where ``ARCHSIM_DATA`` says.

    Parameters
    ----------
    specification : DataSpecification
        What the user says about the data.
    field : str
        Where the names stand, such as ``data.train_files``.
    names : sequence of str
        The names or paths.

    Raises
    ------
    InputError
        If one of them is nowhere.
    """
    candidates = [*folders(specification.name, specification.path)]
    candidates.insert(0 if specification.path is None else 1, Path())
    found = []
    for name in names:
        path = _path(name, field)
        file = next((file for folder in candidates if (file := find(folder, str(path)))), None)
        if file is None:
            raise InputError(
                f"there is no such data file; {_looked(candidates)}",
                field=field,
                value=name,
                allowed=f"a file in one of these folders, or the path of one ({KINDS})",
                remedy=f"set data.path, or the environment variable {VARIABLE}, to the folder with the file",
            )
        found.append(file)
    return tuple(found)


def refuse(specification: DataSpecification, *fields: str) -> None:
    """Refuse what a user says about the data and this data set has no use for.

    Raises
    ------
    InputError
        If one of the fields is set.
    """
    written = specification.model_dump(mode="json")
    for field in fields:
        if written[field] is not None:
            raise InputError(
                f"the data set '{specification.name}' has no use for this",
                field=f"data.{field}",
                value=written[field],
                remedy=f"remove data.{field}, or choose another data.name",
            )


def _looked(candidates: Sequence[Path]) -> str:
    places = ["the current folder" if folder == Path() else str(folder) for folder in candidates]
    return f"looked in: {', '.join(places) or 'nowhere (no folder is set)'}"


def _path(text: str, field: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError("the home folder is not known", field=field, value=text) from error


def _is_file(file: Path) -> bool:
    """Return whether a file is there; a name that no file can have, or a closed folder, is like none."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False
