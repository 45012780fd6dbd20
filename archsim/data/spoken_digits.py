"""Spoken digits as log-mel features: the recordings of the Free Spoken Digit Dataset, 40 frames of 20 bands each.

Recordings: Z. Jackson et al., https://github.com/Jakobovski/free-spoken-digit-dataset, CC BY-SA 4.0 -- six speakers say
each digit 50 times at 8 kHz; recordings 0 to 4 of a speaker and digit are the official test samples.

The file holds the arrays ``X``, uint8 [recordings, frames, bands], ``digit`` and ``index``: of each recording the
log-mel energies in decibels from -50 to 30 dB as 0 to 255, its digit, and its number among those of its speaker and
digit.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.files import broken
from archsim.data.folders import find, locate, refuse
from archsim.data.npz import read_arrays
from archsim.data.specification import DataSpecification

__all__ = ["load"]

_FILE = "fsdd-logmel-3000.npz"
_ARRAYS = ("X", "digit", "index")
_CLASSES = 10
#: Recordings of a speaker and digit that are test samples: those with a lower number.
_TESTS = 5


def load(specification: DataSpecification) -> DataSet:
    """Return the spoken digits as vectors of 800 values from 0 to 1: frame after frame, 20 bands each.

    A network takes them in any shape of as many numbers, such as [40, 20] (a sequence) or [1, 40, 20] (an image).

    Raises
    ------
    InputError
        If the file is missing or broken.
    """
    refuse(specification, "train_files", "test_files", "arrays", "windows")
    folder = locate(specification, (_FILE,))
    file = find(folder, _FILE) or folder / _FILE
    features, digits, numbers = _arrays(file)
    inputs = features.reshape(len(features), -1).astype(np.float32) / np.float32(255)
    targets, test = digits.astype(np.int64), numbers < _TESTS
    return DataSet(
        specification.name, inputs[~test], targets[~test], inputs[test], targets[test], classes=_CLASSES, files=(file,)
    )


def _arrays(file: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.integer], npt.NDArray[np.integer]]:
    there = read_arrays(file, _ARRAYS)
    if missing := set(_ARRAYS) - there.keys():
        raise broken(file, f"it has no array '{min(missing)}'", allowed="the arrays X, digit and index")
    features, digits, numbers = there["X"], there["digit"], there["index"]
    if features.dtype != np.uint8 or features.ndim != 3 or 0 in features.shape:
        raise broken(
            file, f"X is {features.dtype} of shape {features.shape}", allowed="uint8 [recordings, frames, bands]"
        )
    for name, array in (("digit", digits), ("index", numbers)):
        if array.dtype.kind not in "iu" or array.shape != (len(features),):
            raise broken(
                file, f"'{name}' is {array.dtype} of shape {array.shape}", allowed=f"{len(features)} whole numbers"
            )
    if digits.min() < 0 or digits.max() >= _CLASSES:
        raise broken(file, "a digit does not exist", allowed=f"digits from 0 to {_CLASSES - 1}")
    if not (numbers >= _TESTS).any():
        raise broken(file, f"no recording has an index of {_TESTS} or more, so there is nothing to train on")
    return features, digits, numbers
