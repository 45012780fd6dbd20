"""Spoken digits: read exactly, split as their authors say, refused when broken."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsim.data import load_data
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

ARRAYS: dict[str, Any] = {
    "X": np.arange(3 * 2 * 4, dtype=np.uint8).reshape(3, 2, 4),
    "digit": np.array([7, 0, 9], np.uint8),
    "index": np.array([5, 4, 49], np.uint8),
}


def written(folder: Path, arrays: Mapping[str, Any]) -> DataSpecification:
    np.savez(folder / "fsdd-logmel-3000.npz", **arrays)
    return DataSpecification(name="spoken-digits", path=str(folder))


def test_the_first_five_recordings_of_a_digit_are_for_tests(tmp_path: Path) -> None:
    data = load_data(written(tmp_path, ARRAYS))
    assert data.classes == 10
    assert data.train_targets.tolist() == [7, 9]
    assert data.test_targets.tolist() == [0]
    assert np.array_equal(data.train_inputs[1], np.arange(16, 24, dtype=np.float32) / np.float32(255))
    assert [file.name for file in data.files] == ["fsdd-logmel-3000.npz"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"X": ARRAYS["X"][0]}, "X is uint8 of shape"),
        ({"X": ARRAYS["X"].astype(float)}, "X is float64"),
        ({"digit": np.array([1, 2])}, "'digit' is int64 of shape"),
        ({"digit": np.array([1, 2, 10])}, "a digit does not exist"),
        ({"index": np.array([0.5, 1, 2])}, "'index' is float64"),
        ({"index": np.array([0, 1, 2])}, "nothing to train on"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        load_data(written(tmp_path, ARRAYS | changed))
    assert "fsdd-logmel-3000.npz" in str(caught.value)


def test_a_missing_array_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no array 'index'"):
        load_data(written(tmp_path, {name: ARRAYS[name] for name in ("X", "digit")}))


def test_other_files_and_windows_are_refused(tmp_path: Path) -> None:
    refused: tuple[dict[str, object], ...] = ({"windows": {}}, {"train_files": ["a"]}, {"arrays": {}})
    for fields in refused:
        with pytest.raises(InputError, match="has no use for this"):
            load_data(DataSpecification.model_validate({"name": "spoken-digits", "path": str(tmp_path), **fields}))


@pytest.mark.skipif("ARCHSIM_DATA" not in os.environ, reason="needs the recordings' features")
def test_the_whole_set() -> None:
    data = load_data(DataSpecification(name="spoken-digits"))
    assert data.train_inputs.shape == (2700, 800)
    assert data.test_inputs.shape == (300, 800)
    assert np.bincount(data.test_targets).tolist() == [30] * 10
