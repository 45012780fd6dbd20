"""Where the files of a data set are looked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from archsim.data.specification import COMPRESSED, DataSpecification
from archsim.errors import InputError

__all__ = ["KINDS", "VARIABLE", "find", "find_file", "find_named", "folders", "locate", "refuse"]

VARIABLE = "ARCHSIM_DATA"
#: How files may be packed, in words.
KINDS = f"plain, {' or '.join(COMPRESSED)}"


def folders(name: str, path: str | None) -> tuple[Path, ...]:
    """Return the folders that may hold a data set, the first choice first.

    Where there is a `path` (``data.path``), it is the only one: another folder's files are never taken in its place.
    Else these are the folder that the environment variable ``ARCHSIM_DATA`` names, and the folder in it that is
    called like the data set.
    """
    if path is not None:
        return (_path(path, "data.path"),)
    root = os.environ.get(VARIABLE)
    return (_path(root, VARIABLE), _path(root, VARIABLE) / name) if root else ()


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
    allowed = f"a folder with {', '.join(files)} ({KINDS})"
    if specification.path is None:
        raise InputError(
            f"the files of the data set '{specification.name}' were not found; {_looked(candidates)}",
            field="data.name",
            value=specification.name,
            allowed=allowed,
            remedy=remedy
            or f"set data.path to that folder, or the environment variable {VARIABLE} to it or to the one above it",
        )
    there = _is_folder(candidates[0])
    raise InputError(
        f"the folder holds no file of the data set '{specification.name}'" if there else "there is no such folder",
        field="data.path",
        value=str(candidates[0]),
        allowed=allowed,
        remedy=remedy or f"correct it, or remove it for the folder that {VARIABLE} names",
    )


def find(folder: Path, name: str) -> Path | None:
    """Return a file of a folder, plain or compressed, or None."""
    candidates = (folder / f"{name}{ending}" for ending in ("", *COMPRESSED))
    return next((file for file in candidates if _is_file(file)), None)


def find_named(specification: DataSpecification, field: str, names: Sequence[str]) -> tuple[Path, ...]:
    """Return the files that a user names, each from the first place that has it.

    With ``data.path`` they lie in that folder, else where ``ARCHSIM_DATA`` says; of files that lie beside the
    document, or in the current folder for a mapping in Python, `archsim.load_experiment` has made absolute paths.

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
    candidates = folders(specification.name, specification.path)
    found = []
    for name in names:
        path = _path(name, field)
        places = (path.parent,) if path.is_absolute() else candidates
        file = next((file for folder in places if (file := find(folder, str(path)))), None)
        if file is None:
            raise InputError(
                f"there is no such data file; {_looked(places)}",
                field=field,
                value=name,
                allowed=f"a file in one of these folders, the path of one, or one beside the document ({KINDS})",
                remedy=f"set data.path, or the environment variable {VARIABLE}, to the folder with the file",
            )
        found.append(file)
    return tuple(found)


def find_file(path: str, field: str) -> Path:
    """Return the file, plain or compressed, that a user names by its path; a relative one is in the current folder.

    Raises
    ------
    InputError
        If it is not there.
    """
    file = _path(path, field)
    found = find(file.parent, file.name) if file.name else None
    if found is None:
        raise InputError(
            "not a file" if _is_folder(file) else "there is no such data file",
            field=field,
            value=path,
            remedy="a relative path starts from the folder of the file that it stands in",
        )
    return found


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
    return f"looked in: {', '.join(map(str, candidates)) or 'nowhere (no folder is set)'}"


def _path(text: str, field: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError("the home folder is not known", field=field, value=text) from error


def _is_folder(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except (OSError, ValueError):
        return False


def _is_file(file: Path) -> bool:
    """Return whether a file is there; a name that no file can have, or a closed folder, is like none."""
    try:
        return file.is_file()
    except (OSError, ValueError):
        return False
