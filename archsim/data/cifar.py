"""CIFAR-10 in its binary version: one record for each image, 3073 bytes.

Format and data: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009,
https://www.cs.toronto.edu/~kriz/cifar.html -- a record is a label (0 to 9) and 32 x 32 pixels, row
by row, in three planes: red, green, blue.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.files import broken, content
from archsim.data.folders import KINDS, find, find_named, folders, locate, refuse
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

__all__ = ["load", "read_records"]

_TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
_TEST = ("test_batch.bin",)
_SHAPE = (3, 32, 32)
_RECORD = 1 + 3 * 32 * 32
_CLASSES = 10

Part = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]


def load(specification: DataSpecification) -> DataSet:
    """Return CIFAR-10 as images of shape (3, 32, 32) with values from 0 to 1.

    The files are those that ``data.train_files`` and ``data.test_files`` name, or the official ones
    (``data_batch_1.bin`` to ``data_batch_5.bin``, ``test_batch.bin``); plain, gzip or xz.

    Raises
    ------
    InputError
        If a file is missing or broken.
    """
    refuse(specification, "arrays", "windows")
    train = _files(specification, "train_files", _TRAIN)
    test = _files(specification, "test_files", _TEST)
    return DataSet(specification.name, *_part(train), *_part(test), classes=_CLASSES, files=(*train, *test))


def _files(specification: DataSpecification, field: str, official: Sequence[str]) -> tuple[Path, ...]:
    names = getattr(specification, field)
    if names is not None:
        return find_named(specification, f"data.{field}", names)
    others, fields = _others(specification), _lacking(specification)
    remedy = f"or name those that are there in {fields}: {', '.join(others)}" if others else None
    folder = locate(specification, official, remedy=f"get the binary version, {remedy}" if remedy else None)
    found = [find(folder, name) for name in official]
    missing = [name for name, file in zip(official, found, strict=True) if file is None]
    if missing:
        raise InputError(
            "a file of the data set is missing; others of the set are in the same folder",
            field="data.path",
            value=str(folder / missing[0]),
            allowed=f"{', '.join(official)} ({KINDS})",
            remedy=f"put the file there, {remedy or f'or name those to use in {fields}'}",
        )
    return tuple(file for file in found if file is not None)


def _lacking(specification: DataSpecification) -> str:
    """Return the keys that would have to name files, because official ones are not there, in words."""
    places = folders(specification.name, specification.path)
    lacking = (
        f"data.{field}"
        for field, official in (("train_files", _TRAIN), ("test_files", _TEST))
        if getattr(specification, field) is None
        and not any(all(find(folder, name) for name in official) for folder in places)
    )
    return " and ".join(lacking)


def _others(specification: DataSpecification) -> list[str]:
    """Return the names of the files that could be of this format, of which a user may name some."""
    names: set[str] = set()
    for folder in folders(specification.name, specification.path):
        with contextlib.suppress(OSError, ValueError):  # a name that no folder can have
            names.update(file.name for kind in ("*.bin", "*.bin.?z") for file in folder.glob(kind))
    return sorted(names)[:9]


def _part(files: Sequence[Path]) -> Part:
    parts = [read_records(file) for file in files]
    inputs = np.empty((sum(len(pixels) for pixels, _ in parts), *_SHAPE), np.float32)
    first = 0
    for pixels, _ in parts:
        inputs[first : first + len(pixels)] = pixels
        first += len(pixels)
    inputs /= np.float32(255)
    return inputs, np.concatenate([labels for _, labels in parts]).astype(np.int64)


def read_records(file: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return the images, shape (records, 3, 32, 32), and the labels, shape (records,), of a file.

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or is not of this format.
    """
    data = content(file)
    records, rest = divmod(len(data), _RECORD)
    if rest or not records:
        problem = f"its {len(data)} bytes are no whole number of records of {_RECORD} bytes"
        if data[:2] == b"\x80\x02":
            problem += " (it looks like the version for Python)"
        elif data and len(data) % (_RECORD + 1) == 0:
            problem += " (it looks like CIFAR-100, whose records have 3074)"
        raise broken(file, problem, allowed="the binary version of CIFAR-10")
    table = np.frombuffer(data, np.uint8).reshape(records, _RECORD)
    labels = table[:, 0]
    if labels.max() >= _CLASSES:
        first = int(np.argmax(labels >= _CLASSES))
        raise broken(file, f"record {first} has the label {labels[first]}", allowed=f"labels from 0 to {_CLASSES - 1}")
    return table[:, 1:].reshape(records, *_SHAPE), labels
