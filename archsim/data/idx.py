"""IDX files: the format of MNIST and of the sets that took its place.

Format: http://yann.lecun.com/exdb/mnist/ -- two zero bytes, a type (0x08: unsigned byte), the number
of dimensions, the dimensions as big-endian 32-bit integers, then the values in C order.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.folders import locate
from archsim.data.specification import DataSpecification
from archsim.errors import InputError, Place

__all__ = ["load_fashion_mnist", "load_mnist", "read_idx"]

_UNSIGNED_BYTE = 0x08
_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def load_mnist(specification: DataSpecification) -> DataSet:
    """Return MNIST as vectors of 784 values from 0 to 1, with the official test samples.

    Source: Y. LeCun et al., "Gradient-based learning applied to document recognition", 1998,
    doi:10.1109/5.726791.
    """
    return _load(specification)


def load_fashion_mnist(specification: DataSpecification) -> DataSet:
    """Return Fashion-MNIST as vectors of 784 values from 0 to 1, with the official test samples.

    Source: H. Xiao et al., arXiv:1708.07747.
    """
    return _load(specification)


def _load(specification: DataSpecification) -> DataSet:
    folder = locate(specification, _FILES)
    train_images, train_labels, test_images, test_labels = (_find(folder, file) for file in _FILES)
    train_inputs, train_targets = _part(train_images, train_labels)
    test_inputs, test_targets = _part(test_images, test_labels)
    return DataSet(specification.name, train_inputs, train_targets, test_inputs, test_targets, classes=10)


def _find(folder: Path, name: str) -> Path:
    for file in (folder / name, folder / f"{name}.gz"):
        if file.is_file():
            return file
    raise InputError(
        "a file of the data set is missing; others of the set are in the same folder",
        field="data.path",
        value=str(folder / name),
        allowed="the original file names, plain or .gz",
    )


def _part(images: Path, labels: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise _broken(labels, f"it has {len(classes)} labels, and {images.name} has {len(pixels)} images")
    if len(classes) and classes.max() > 9:
        raise _broken(labels, f"it has the label {classes.max()}; labels go from 0 to 9")
    inputs = pixels.reshape(len(pixels), -1).astype(np.float32)
    inputs /= np.float32(255)
    return inputs, classes.astype(np.int64)


def read_idx(file: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Return the array of unsigned bytes that an IDX file holds.

    Parameters
    ----------
    file : Path
        The file; gzip if its name ends in ``.gz``.
    dimensions : int
        How many dimensions it must have.

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or is not of this format.
    """
    content = _content(file)
    head = 4 + 4 * dimensions
    magic = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if content[:4] != magic:
        raise _broken(file, f"it starts with {content[:4].hex(' ') or 'nothing'}, an IDX file with {magic.hex(' ')}")
    if len(content) < head:
        raise _broken(file, "it ends inside its header")
    shape = struct.unpack(f">{dimensions}I", content[4:head])
    if len(content) - head != math.prod(shape):
        size = " x ".join(str(extent) for extent in shape)
        raise _broken(file, f"its header promises {size} bytes, and {len(content) - head} are there")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _content(file: Path) -> bytes:
    try:
        raw = file.read_bytes()
        return gzip.decompress(raw) if file.suffix == ".gz" else raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _broken(file, f"the compressed data are damaged or cut short ({error})") from error
    except OSError as error:
        raise _broken(file, f"it cannot be read ({error.strerror})") from error


def _broken(file: Path, problem: str) -> InputError:
    return InputError(
        f"a broken data file: {problem}", field="data.path", remedy="get the file again", place=Place(str(file))
    )
