"""The 8x8 digits that scikit-learn carries: 1797 samples, nothing to download."""

from __future__ import annotations

import numpy as np

from archsim.data.dataset import DataSet
from archsim.data.folders import refuse
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

__all__ = ["load"]


def load(specification: DataSpecification) -> DataSet:
    """Return the digits as vectors of 64 values from 0 to 1; every fifth sample is a test sample.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning
    Repository, 1998, doi:10.24432/C50P49 (its test part).

    Raises
    ------
    InputError
        If a path or files are given: these data come with scikit-learn.
    """
    if specification.path is not None:
        raise InputError(
            "the data set 'digits' is embedded and has no files",
            field="data.path",
            value=specification.path,
            remedy="remove data.path, or choose another data.name",
        )
    refuse(specification, "train_files", "test_files", "arrays")

    from sklearn.datasets import load_digits  # takes a second to import: only runs on digits pay it

    pixels, labels = load_digits(return_X_y=True)
    inputs = (pixels / 16.0).astype(np.float32)
    targets = labels.astype(np.int64)
    test = np.arange(len(inputs)) % 5 == 4
    return DataSet("digits", inputs[~test], targets[~test], inputs[test], targets[test], classes=10)
