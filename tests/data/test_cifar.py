"""CIFAR-10 records: found by their official names or by those that a user gives, read exactly, refused when broken."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archsim.data import load_data
from archsim.data.specification import DataSpecification
from archsim.document import load_experiment
from archsim.errors import InputError

OFFICIAL = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def records(count: int, first: int = 0) -> bytes:
    table = (first + np.arange(count * 3073)).reshape(count, 3073) % 256
    table[:, 0] = (first + np.arange(count)) % 10
    return table.astype(np.uint8).tobytes()


def specification(folder: Path, **fields: object) -> DataSpecification:
    return DataSpecification.model_validate({"name": "cifar10", "path": str(folder), **fields})


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


@pytest.fixture
def official(tmp_path: Path) -> Path:
    for i, name in enumerate(OFFICIAL):
        (tmp_path / name).write_bytes(records(i + 1, first=i))
    return tmp_path


@pytest.fixture
def subset(tmp_path: Path) -> Path:
    (tmp_path / "some-train.bin.xz").write_bytes(lzma.compress(records(4)))
    (tmp_path / "some-test.bin.gz").write_bytes(gzip.compress(records(2, first=9)))
    return tmp_path


def test_the_official_files_are_read_in_order(official: Path) -> None:
    data = load_data(specification(official))
    assert data.name == "cifar10"
    assert data.classes == 10
    assert data.train_inputs.shape == (15, 3, 32, 32)
    assert data.test_inputs.shape == (6, 3, 32, 32)
    assert data.train_inputs.dtype == np.float32
    assert data.train_targets.tolist() == [0, 1, 2, 2, 3, 4, 3, 4, 5, 6, 4, 5, 6, 7, 8]
    table = np.frombuffer((official / OFFICIAL[5]).read_bytes(), np.uint8).reshape(6, 3073)
    # Byte 1 + 1024 c + 32 y + x of a record is the pixel at row y, column x of plane c.
    assert data.test_inputs[4, 2, 7, 30] == np.float32(table[4, 1 + 2 * 1024 + 7 * 32 + 30]) / np.float32(255)
    assert data.test_inputs.max() == 1.0


def test_named_files_are_used_instead(subset: Path) -> None:
    fields = {"train_files": ["some-train.bin.xz"], "test_files": ["some-test.bin"]}
    data = load_data(specification(subset, **fields))
    assert data.train_targets.tolist() == [0, 1, 2, 3]
    assert data.test_targets.tolist() == [9, 0]


def test_named_files_may_be_paths(subset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"train_files": [str(subset / "some-train.bin.xz")] * 2, "test_files": [subset.name + "/some-test.bin.gz"]}
    monkeypatch.chdir(subset.parent)
    document = {"network": "mlp-64-64-32-10", "chip": "unit", "training": {"learning_rate": 1}}
    data = load_data(load_experiment(document | {"data": {"name": "cifar10", **files}}).data)
    assert len(data.train_inputs) == 8
    assert len(data.test_inputs) == 2


def test_data_path_comes_before_the_variable(
    official: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("root")
    (other / "cifar10").mkdir()
    (other / "cifar10" / "test_batch.bin").write_bytes(records(50))
    monkeypatch.setenv("ARCHSIM_DATA", str(other))
    named = {"test_files": ["test_batch.bin"]}
    assert len(load_data(specification(official, **named)).test_inputs) == 6
    train = {"train_files": [str(official / OFFICIAL[0])]}
    without_path = DataSpecification.model_validate({"name": "cifar10", **named, **train})
    assert len(load_data(without_path).test_inputs) == 50


def test_missing_files_say_where_they_were_looked_for_and_what_is_there(subset: Path) -> None:
    with pytest.raises(InputError, match=r"data\.path: the folder holds no file of the data set 'cifar10'") as caught:
        load_data(specification(subset))
    for words in (
        str(subset),
        "data_batch_1.bin",
        "in data.train_files and data.test_files: some-test.bin.gz, some-train.bin.xz",
    ):
        assert words in str(caught.value)
    with pytest.raises(InputError, match=r"data\.train_files: there is no such data file") as caught:
        load_data(specification(subset, train_files=["none.bin"]))
    assert f"looked in: {subset}\n" in str(caught.value)


def test_one_missing_file_is_named(official: Path) -> None:
    (official / "data_batch_3.bin").unlink()
    with pytest.raises(InputError, match="a file of the data set is missing") as caught:
        load_data(specification(official))
    assert str(official / "data_batch_3.bin") in str(caught.value)
    assert "data.train_files" in str(caught.value)
    assert "data.test_files" not in str(caught.value)


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda data: b"", "its 0 bytes are no whole number of records of 3073 bytes"),
        (lambda data: data[:-1], "its 3072 bytes are no whole number"),
        (lambda data: data + b"\0", "CIFAR-100, whose records have 3074"),
        (lambda data: b"\x80\x02}q\x01", "the version for Python"),
        (lambda data: data + b"\x0a" + data[1:], "record 1 has the label 10"),
    ],
)
def test_a_broken_file_is_named(official: Path, break_it: Callable[[bytes], bytes], words: str) -> None:
    file = official / OFFICIAL[0]
    file.write_bytes(break_it(file.read_bytes()))
    with pytest.raises(InputError, match="a broken data file") as caught:
        load_data(specification(official))
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_channels_are_standardized_by_the_training_samples_in_use(official: Path) -> None:
    plain = load_data(specification(official, samples=8))
    data = load_data(specification(official, samples=8, standardize=True))
    pixels = plain.train_inputs.astype(np.float64)
    mean, deviation = pixels.mean(axis=(0, 2, 3)), pixels.std(axis=(0, 2, 3))
    for c in range(3):
        expected = (plain.test_inputs[:, c] - mean[c]) / deviation[c]
        assert np.allclose(data.test_inputs[:, c], expected, atol=1e-5)
        assert data.train_inputs[:, c].mean() == pytest.approx(0, abs=1e-5)
        assert data.train_inputs[:, c].std() == pytest.approx(1, abs=1e-5)


def test_the_real_files(data_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test part only: unpacking ten thousand images takes seconds."""
    monkeypatch.setenv("ARCHSIM_DATA", str(data_folder))
    files = {"train_files": ["cifar10-test-1000.bin.xz"], "test_files": ["cifar10-test-1000.bin.xz"]}
    data = load_data(DataSpecification.model_validate({"name": "cifar10", **files}))
    assert data.test_inputs.shape == (1000, 3, 32, 32)
    assert np.bincount(data.test_targets, minlength=10).sum() == 1000
    # A cat, a ship, a ship, an aeroplane: the first images of the official test set.
    assert data.test_targets[:4].tolist() == [3, 8, 8, 0]
