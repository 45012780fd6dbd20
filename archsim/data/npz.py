"""A data set of one's own: NumPy's ``.npz`` file with training and test arrays.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html -- a ZIP archive of
``.npy`` files. Nothing in it is executed: arrays of Python objects are refused.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.files import MOST_BYTES, broken
from archsim.data.folders import find_file, refuse
from archsim.data.specification import ArrayNames, DataSpecification
from archsim.errors import InputError, Place
from archsim.files import open_regular

__all__ = ["load", "read_arrays"]

Array = npt.NDArray[Any]

_PARTS = ("train_inputs", "train_targets", "test_inputs", "test_targets")
_TESTS = ("test_inputs", "test_targets")
_CLASSES = "classes"
_MOST_CLASSES = 2**24
#: What the libraries raise on archives and headers that are not what they claim.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    EOFError,
    ValueError,
    SyntaxError,
    TypeError,
    KeyError,
    IndexError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


def load(specification: DataSpecification) -> DataSet:
    """Return the arrays of an ``.npz`` file: ``train_inputs``, ``train_targets``, ``test_inputs``, ``test_targets``.

    ``data.path`` names the file, ``data.arrays`` other names of the arrays (see `ArrayNames`). Without the two arrays
    of test samples, every fifth sample (the 5th, the 10th, ...) is a test sample.

    Raises
    ------
    InputError
        If the file or an array is missing or broken, or the arrays do not belong together.
    """
    refuse(specification, "train_files", "test_files", "windows")
    if specification.path is None:
        raise InputError("the data set 'npz' needs its file", field="data.path", remedy="set data.path to an .npz file")
    file = find_file(specification.path, "data.path")
    arrays = _arrays(file, specification.arrays or ArrayNames())
    try:
        return _data_set(file, arrays)
    except InputError as error:
        raise InputError(
            f"{error.field}: {error.problem}",
            field="data.path",
            value=error.value,
            allowed=error.allowed,
            remedy=error.remedy or "write the file anew, or name other arrays in data.arrays",
            place=Place(str(file)),
        ) from error


def read_arrays(file: Path, wanted: Collection[str] | None = None) -> dict[str, Array]:
    """Return arrays of an ``.npz`` file by their names: all, or of those that are wanted the ones that are there.

    Raises
    ------
    InputError
        If it is no such file, or damaged.
    """
    try:
        with open_regular(file) as opened, zipfile.ZipFile(opened) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            return {name: _array(file, archive, name) for name in names if wanted is None or name in wanted}
    except (OSError, *_DAMAGE) as error:
        raise broken(file, f"it is no .npz file, or damaged ({error})") from error


def _data_set(file: Path, arrays: dict[str, Array]) -> DataSet:
    if "test_inputs" not in arrays:
        arrays = _split(arrays)
    targets = (arrays["train_targets"], arrays["test_targets"])
    values = not all(_are_labels(target) for target in targets)
    train, test = (_real(target) if values else _whole(target) for target in targets)
    classes = None if values else _classes(arrays.get(_CLASSES), targets)
    inputs = _real(arrays["train_inputs"]), _real(arrays["test_inputs"])
    return DataSet(file.stem, inputs[0], train, inputs[1], test, classes, files=(file,))


def _split(arrays: dict[str, Array]) -> dict[str, Array]:
    """Return arrays in which every fifth sample is a test sample; of fewer samples, none is."""
    inputs, targets = arrays["train_inputs"], arrays["train_targets"]
    if not inputs.ndim or not targets.ndim or len(inputs) != len(targets):
        return arrays | {"test_inputs": inputs, "test_targets": targets}  # refused by the data set, in its words
    test = np.arange(len(inputs)) % 5 == 4
    parts = {"train_inputs": inputs[~test], "train_targets": targets[~test]}
    return arrays | parts | {"test_inputs": inputs[test], "test_targets": targets[test]}


def _are_labels(target: Array) -> bool:
    """Return whether targets are one whole number a sample, of whatever type."""
    return target.ndim == 1 and (target.dtype.kind != "f" or bool((np.isfinite(target) & (target % 1 == 0)).all()))


def _classes(given: Array | None, targets: tuple[Array, Array]) -> int:
    if given is None:
        number = max((int(target.max()) + 1 for target in targets if target.size), default=1)
        found = f"{number} by the highest target"
    else:
        number = int(given.reshape(-1)[0]) if given.size == 1 and given.dtype.kind in "iu" else 0
        found = f"{given.dtype} of shape {given.shape}" if number == 0 else str(number)
    if not 1 <= number <= _MOST_CLASSES:
        raise InputError("no number of classes", field=_CLASSES, value=found, allowed=f"1 to {_MOST_CLASSES}")
    return number


def _arrays(file: Path, names: ArrayNames) -> dict[str, Array]:
    try:
        with open_regular(file) as opened, zipfile.ZipFile(opened) as archive:
            there = archive.namelist()
            tests = {part: f"{getattr(names, part)}.npy" for part in _TESTS}
            parts = _PARTS if any(entry in there for entry in tests.values()) else _PARTS[:2]
            found = {part: _array(file, archive, getattr(names, part)) for part in parts}
            if names.classes is not None or f"{_CLASSES}.npy" in archive.namelist():
                found[_CLASSES] = _array(file, archive, names.classes or _CLASSES)
            return found
    except (OSError, *_DAMAGE) as error:
        raise broken(file, f"it is no .npz file, or damaged ({error})") from error


def _array(file: Path, archive: zipfile.ZipFile, name: str) -> Array:
    entry = f"{name}.npy"
    there = [known.removesuffix(".npy") for known in archive.namelist()]
    if entry not in archive.namelist():
        raise broken(
            file,
            f"it has no array '{name}'",
            allowed=f"the arrays of the file: {', '.join(there[:20]) or 'none'}",
            remedy="write the file anew, or say in data.arrays which array it is",
        )
    with archive.open(entry) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise broken(file, f"the array '{name}' holds more than {MOST_BYTES >> 20} MiB")
    return _unpacked(file, name, data)


def _unpacked(file: Path, name: str, data: bytes) -> Array:
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, by_columns, dtype = header(stream)
    if dtype.kind not in "biuf":
        raise broken(file, f"the array '{name}' has the type {dtype}", allowed="whole or floating-point numbers")
    if len(shape) > 8 or min(shape, default=0) < 0:
        raise broken(file, f"the array '{name}' has the shape {shape}", allowed="up to 8 dimensions, 0 or more each")
    there, promised = len(data) - stream.tell(), math.prod(shape) * dtype.itemsize
    if there != promised:
        raise broken(file, f"the array '{name}' has {there} bytes, and its header promises {promised}")
    array = np.frombuffer(data, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if by_columns else "C")


def _real(array: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # what float32 cannot hold is refused as infinite
        return np.ascontiguousarray(array, dtype=np.float32)


def _whole(array: Array) -> Array:
    return np.ascontiguousarray(array, dtype=np.int64)
