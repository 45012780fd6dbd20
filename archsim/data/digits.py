"""The 8x8 digits that archsim carries: 1797 samples, nothing to download."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from archsim.data.dataset import DataSet
from archsim.data.folders import refuse
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

__all__ = ["load"]

#: Arrays ``pixels``, uint8 of shape (1797, 64) from 0 to 16, and ``labels``, uint8; digits.txt has source and licence.
_FILE = Path(__file__).with_name("digits.npz")


def load(specification: DataSpecification) -> DataSet:
    """Return the digits as vectors of 64 values from 0 to 1; every fifth sample is a test sample.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49 (its test part), CC BY 4.0.

    Raises
    ------
    InputError
        If a path or files are given: these data come with archsim.
    """
    if specification.path is not None:
        raise InputError(
            "the data set 'digits' is embedded and has no files",
            field="data.path",
            value=specification.path,
            remedy="remove data.path, or choose another data.name",
        )
    refuse(specification, "train_files", "test_files", "arrays", "windows")
    with np.load(_FILE) as arrays:
        inputs = arrays["pixels"].astype(np.float32) / np.float32(16)
        targets = arrays["labels"].astype(np.int64)
    test = np.arange(len(inputs)) % 5 == 4
    return DataSet("digits", inputs[~test], targets[~test], inputs[test], targets[test], classes=10, files=(_FILE,))
