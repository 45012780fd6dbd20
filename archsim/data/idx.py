"""IDX files: the format of MNIST and of the sets that took its place.

Format: http://yann.lecun.com/exdb/mnist/ -- two zero bytes, a type (0x08: unsigned byte), the number
of dimensions, the dimensions as big-endian 32-bit integers, then the values in C order.
"""

from __future__ import annotations

import math
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.files import MOST_BYTES, broken, content
from archsim.data.folders import find, locate, refuse
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

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
    refuse(specification, "train_files", "test_files", "arrays", "windows")
    folder = locate(specification, _FILES)
    train_images, train_labels, test_images, test_labels = (_find(folder, file) for file in _FILES)
    train_inputs, train_targets = _part(train_images, train_labels)
    test_inputs, test_targets = _part(test_images, test_labels)
    if train_inputs.shape[1:] != test_inputs.shape[1:]:
        pixels, others = math.prod(test_inputs.shape[1:]), math.prod(train_inputs.shape[1:])
        raise broken(test_images, f"its images have {pixels} pixels, those of {train_images.name} have {others}")
    files = (train_images, train_labels, test_images, test_labels)
    return DataSet(specification.name, train_inputs, train_targets, test_inputs, test_targets, classes=10, files=files)


def _find(folder: Path, name: str) -> Path:
    file = find(folder, name)
    if file is None:
        raise InputError(
            "a file of the data set is missing; others of the set are in the same folder",
            field="data.path",
            value=str(folder / name),
            allowed="the original file names, plain, .gz or .xz",
            remedy="put the file there",
        )
    return file


def _part(images: Path, labels: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    pixels, classes = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(classes):
        raise broken(labels, f"it has {len(classes)} labels, and {images.name} has {len(pixels)} images")
    if len(classes) and classes.max() > 9:
        first = int(np.argmax(classes > 9))
        raise broken(labels, f"label {first} is {classes[first]}", allowed="labels from 0 to 9")
    inputs = pixels.reshape(len(pixels), math.prod(pixels.shape[1:])).astype(np.float32)
    inputs /= np.float32(255)
    return inputs, classes.astype(np.int64)


def read_idx(file: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Return the array of unsigned bytes that an IDX file holds.

    Parameters
    ----------
    file : Path
        The file; compressed if its name ends in ``.gz`` or ``.xz``.
    dimensions : int
        How many dimensions it must have.

    Raises
    ------
    InputError
        If the file cannot be read, is cut short, or is not of this format.
    """
    head = 4 + 4 * dimensions
    header = content(file, head)[:head]
    magic = bytes((0, 0, _UNSIGNED_BYTE, dimensions))
    if header[:4] != magic:
        raise broken(file, f"it starts with {header[:4].hex(' ') or 'nothing'}, an IDX file with {magic.hex(' ')}")
    if len(header) < head:
        raise broken(file, "it ends inside its header")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    promised, size = math.prod(shape), " x ".join(str(extent) for extent in shape)
    if promised > MOST_BYTES - head:
        raise broken(file, f"its header promises {size} bytes", allowed=f"up to {MOST_BYTES >> 20} MiB")
    data = content(file, head + promised)
    there = len(data) - head
    if there != promised:
        raise broken(file, f"its header promises {size} bytes, and {'more' if there > promised else there} are there")
    if 0 in shape[1:]:
        raise broken(file, f"its header promises {size} bytes: images without pixels")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)
