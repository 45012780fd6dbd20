"""Which data a run read: the files with their digests, or the digests of arrays that came from no file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsim.data.dataset import DataSet
from archsim.data.files import broken
from archsim.files import digest_of

__all__ = ["DataOrigin", "origin_of"]

_ARRAYS = ("train_inputs", "train_targets", "test_inputs", "test_targets")


@dataclass(frozen=True)
class DataOrigin:
    """Where data come from.

    Attributes
    ----------
    name : str
        The data set.
    folder : str or None
        The folder of the files; None for arrays that came from no file. Bytes of a path that are no UTF-8 are written
        as ``\\xff``.
    sha256 : dict of str to str
        SHA-256 of each file as it lies on the disk, by its path from `folder`; else of each array's values in C order,
        little-endian, by its name in `DataSet`.
    """

    name: str
    folder: str | None
    sha256: dict[str, str]


def origin_of(data: DataSet) -> DataOrigin:
    """Return where data come from.

    Raises
    ------
    InputError
        If one of the files cannot be read any more.
    """
    if not data.files:
        return DataOrigin(data.name, None, {name: _array_digest(getattr(data, name)) for name in _ARRAYS})
    files = [file.absolute() for file in data.files]
    folder = Path(os.path.commonpath([file.parent for file in files]))
    return DataOrigin(data.name, _text(folder), {_text(file.relative_to(folder)): _file_digest(file) for file in files})


def _text(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _file_digest(file: Path) -> str:
    try:
        return digest_of(file)
    except OSError as error:
        raise broken(file, f"it cannot be read ({error.strerror})") from error


def _array_digest(array: np.ndarray) -> str:
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return hashlib.sha256(little.reshape(-1).view(np.uint8).data).hexdigest()
