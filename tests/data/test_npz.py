"""Data sets of one's own in .npz files: read as they are, refused with the file's name when broken."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from archsim.data import load_data
from archsim.data.specification import DataSpecification
from archsim.errors import InputError


def arrays(**changes: Any) -> dict[str, Any]:
    return {
        "train_inputs": np.arange(24, dtype=np.uint8).reshape(6, 4),
        "train_targets": np.array([0, 1, 2, 0, 1, 2], np.uint8),
        "test_inputs": np.asfortranarray(np.ones((2, 4))),
        "test_targets": np.array([1, 0], ">i4"),
        **changes,
    }


def write(folder: Path, **changes: Any) -> Path:
    file = folder / "mine.npz"
    np.savez(file, **{name: array for name, array in arrays(**changes).items() if array is not None})
    return file


def load(file: Path, **fields: Any) -> Any:
    return load_data(DataSpecification.model_validate({"name": "npz", "path": str(file), **fields}))


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


def test_arrays_are_used_as_they_are(tmp_path: Path) -> None:
    data = load(write(tmp_path))
    assert data.name == "mine"
    assert data.classes == 3
    assert data.train_inputs.dtype == np.float32
    assert np.array_equal(data.train_inputs, arrays()["train_inputs"])
    assert data.test_targets.dtype == np.int64
    assert data.test_targets.tolist() == [1, 0]


@pytest.mark.parametrize("classes", [7, np.array([7], np.int8)])
def test_the_number_of_classes_may_be_given(tmp_path: Path, classes: Any) -> None:
    assert load(write(tmp_path, classes=classes)).classes == 7


def test_targets_may_be_values(tmp_path: Path) -> None:
    data = load(write(tmp_path, train_targets=np.zeros((6, 2)), test_targets=np.ones((2, 2), np.int64)))
    assert data.classes is None
    assert data.test_targets.dtype == np.float32


def test_labels_may_be_floats_that_are_whole(tmp_path: Path) -> None:
    data = load(write(tmp_path, train_targets=np.array([0.0, 1, 2] * 2), test_targets=np.array([1.0, 0.0])))
    assert data.classes == 3
    assert data.train_targets.dtype == np.int64
    assert data.train_targets.tolist() == [0, 1, 2] * 2


@pytest.mark.parametrize("kind", [np.float64, np.uint8, bool])
def test_one_hot_targets_are_classes_for_a_loss_over_classes(tmp_path: Path, kind: type) -> None:
    one_hot = np.eye(3, dtype=kind)
    data = load(write(tmp_path, train_targets=one_hot[[0, 1, 2, 0, 1, 2]], test_targets=one_hot[[1, 0]]))
    assert data.classes is None
    labels = data.with_classes()
    assert (labels.classes, labels.train_targets.tolist(), labels.test_targets.tolist()) == (3, [0, 1, 2] * 2, [1, 0])
    values = load(write(tmp_path, train_targets=np.full((6, 3), 0.5), test_targets=one_hot[[1, 0]]))
    assert values.with_classes() is values


def test_whole_numbers_for_each_position_are_classes_for_a_loss_over_sequences(tmp_path: Path) -> None:
    data = load(write(tmp_path, train_targets=np.arange(12).reshape(6, 2), test_targets=np.full((2, 2), 3)))
    labels = data.with_classes_of_positions()
    assert (labels.classes, labels.train_targets.dtype, labels.train_targets.shape) == (12, np.int64, (6, 2))
    halves = load(write(tmp_path, train_targets=np.full((6, 2), 0.5), test_targets=np.ones((2, 2))))
    assert halves.with_classes_of_positions() is halves


def test_without_test_arrays_every_fifth_sample_is_one(tmp_path: Path) -> None:
    data = load(write(tmp_path, test_inputs=None, test_targets=None))
    inputs = arrays()["train_inputs"]
    assert np.array_equal(data.test_inputs, inputs[[4]])
    assert np.array_equal(data.train_inputs, inputs[[0, 1, 2, 3, 5]])
    assert (data.train_targets.tolist(), data.test_targets.tolist()) == ([0, 1, 2, 0, 2], [1])
    few = write(tmp_path, train_inputs=np.ones((3, 4)), train_targets=[0, 1, 1], test_inputs=None, test_targets=None)
    assert len(load(few).test_inputs) == 0


def test_arrays_may_have_other_names(tmp_path: Path) -> None:
    file = write(tmp_path, train_inputs=None, X=arrays()["train_inputs"], k=5)
    assert load(file, arrays={"train_inputs": "X", "classes": "k"}).classes == 5


def test_compressed_archives(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "packed.npz", **arrays())
    assert load(tmp_path / "packed.npz").shape == (4,)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_inputs": None}, "it has no array 'train_inputs'"),
        ({"train_inputs": np.array([{}] * 6)}, "the array 'train_inputs' has the type object"),
        ({"train_inputs": np.array(["a"] * 6)}, "the array 'train_inputs' has the type <U1"),
        ({"train_inputs": np.zeros((6, 4), complex)}, "the type complex128"),
        ({"train_inputs": np.zeros((6, 3))}, "training samples have the shape (3,), test samples (4,)"),
        ({"train_inputs": np.zeros(6)}, "wrong kind of inputs"),
        ({"train_inputs": np.full((6, 4), 1e300)}, "inputs must be finite"),
        ({"train_inputs": np.zeros((6, 0)), "test_inputs": np.zeros((2, 0))}, "samples without a single value"),
        ({"train_targets": np.zeros(5, int)}, "6 inputs and 5 targets"),
        ({"train_targets": np.full(6, 0.5)}, "for one value a sample, reshape to (samples, 1)"),
        ({"train_targets": np.full(6, -1)}, "a class that does not exist"),
        ({"train_targets": np.full(6, 2**63, np.uint64)}, "no number of classes"),
        ({"classes": 2}, "a class that does not exist"),
        ({"train_targets": [1, 2, 3] * 2, "test_targets": [1, 3], "classes": 3}, "from 0: subtract 1 from all"),
        ({"test_targets": None}, "it has no array 'test_targets'"),
        ({"classes": 2.0}, "no number of classes"),
        ({"classes": 0}, "no number of classes"),
        ({"classes": [1, 2]}, "no number of classes"),
    ],
)
def test_arrays_that_cannot_be_used(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    file = write(tmp_path, **changes)
    with pytest.raises(InputError, match=r"data\.path: ") as caught:
        load(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def npy(shape: str, data: bytes = b"", descr: str = "'<f4'") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (npy("(1000000000000, 1000000)"), "0 bytes, and its header promises 4000000000000000000"),
        (npy("(2, 3)", bytes(20)), "has 20 bytes, and its header promises 24"),
        (npy("(-2, -3)", bytes(24)), "has the shape (-2, -3)"),
        (npy("(1,) * 3"), "damaged"),
        (npy("(2,)", bytes(8), "'|O'"), "has the type object"),
        (npy("(2,)", bytes(8), "[('a', '<f4')]"), "has the type"),
        (b"\x93NUMPY\x09\x00", "damaged"),
        (b"no array", "damaged"),
        (b"", "damaged"),
    ],
)
def test_entries_that_are_no_arrays(tmp_path: Path, entry: bytes, words: str) -> None:
    file = tmp_path / "broken.npz"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train_inputs.npy", entry)
    with pytest.raises(InputError, match="a broken data file") as caught:
        load(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_what_is_no_archive(tmp_path: Path) -> None:
    file = write(tmp_path)
    whole = file.read_bytes()
    single = io.BytesIO()
    np.save(single, np.zeros(3))
    for content in (b"", b"text", whole[:200], whole[:-30], single.getvalue()):
        file.write_bytes(content)
        with pytest.raises(InputError, match=r"it is no \.npz file, or damaged"):
            load(file)


def test_a_bomb_is_not_unpacked_further_than_the_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archsim.data import npz

    monkeypatch.setattr(npz, "MOST_BYTES", 2**20)
    np.savez_compressed(tmp_path / "bomb.npz", **arrays(train_inputs=np.zeros((2**21, 4), np.uint8)))
    with pytest.raises(InputError, match="the array 'train_inputs' holds more than 1 MiB"):
        load(tmp_path / "bomb.npz")


def test_the_file_must_be_named_and_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"data\.path: the data set 'npz' needs its file"):
        load_data(DataSpecification(name="npz"))
    with pytest.raises(InputError, match=r"data\.path: there is no such data file"):
        load(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("digits", "train_files", ["a.bin"]),
        ("digits", "arrays", {"train_inputs": "X"}),
        ("npz", "test_files", ["a.bin"]),
        ("mnist", "train_files", ["a.bin"]),
        ("cifar10", "arrays", {}),
    ],
)
def test_what_a_data_set_has_no_use_for_is_refused(name: str, field: str, value: object) -> None:
    with pytest.raises(InputError, match=rf"data\.{field}: the data set '{name}' has no use for this"):
        load_data(DataSpecification.model_validate({"name": name, field: value}))
