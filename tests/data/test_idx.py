"""IDX files: found where they are looked for, read exactly, refused with the file's name when broken."""

from __future__ import annotations

import gzip
import lzma
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from archsim.data import load_data
from archsim.data.idx import read_idx
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def images(count: int, first: int = 0) -> np.ndarray:
    return (first + np.arange(count * 28 * 28)).reshape(count, 28, 28) % 256


def write_set(folder: Path, *, packed: bool = False, train: int = 5, test: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    contents = (images(train), np.arange(train) % 10, images(test, 7), np.arange(test) % 10)
    for name, array in zip(FILES, contents, strict=True):
        data = idx(array)
        (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(data) if packed else data)
    return folder


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_files_are_read_exactly(tmp_path: Path, name: str, packed: bool) -> None:
    write_set(tmp_path, packed=packed)
    data = load_data(DataSpecification(name=name, path=str(tmp_path)))
    assert data.name == name
    assert data.train_inputs.shape == (5, 784)
    assert data.test_inputs.shape == (3, 784)
    assert np.array_equal(data.train_inputs, images(5).reshape(5, 784).astype(np.float32) / np.float32(255))
    assert data.test_targets.tolist() == [0, 1, 2]


def test_data_path_comes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_set(tmp_path / "root" / "mnist", train=5)
    write_set(tmp_path / "flat", train=6)
    write_set(tmp_path / "own", train=7)
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path / "root"))
    assert len(load_data(DataSpecification(name="mnist")).train_inputs) == 5
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path / "flat"))
    assert len(load_data(DataSpecification(name="mnist")).train_inputs) == 6
    assert len(load_data(DataSpecification(name="mnist", path=str(tmp_path / "own"))).train_inputs) == 7


def test_missing_files_say_where_they_were_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"data\.name: .*no folder is set") as caught:
        load_data(DataSpecification(name="mnist"))
    assert "ARCHSIM_DATA" in str(caught.value)
    monkeypatch.setenv("ARCHSIM_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"data\.name: ") as caught:
        load_data(DataSpecification(name="mnist"))
    assert f"looked in: {tmp_path}, {tmp_path / 'mnist'}\n" in str(caught.value)
    with pytest.raises(InputError, match=r"data\.path: there is no such folder") as caught:
        load_data(DataSpecification(name="mnist", path=str(tmp_path / "x")))
    assert str(tmp_path / "x") in str(caught.value)


def test_one_missing_file_is_named(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / FILES[3]).unlink()
    with pytest.raises(InputError, match="a file of the data set is missing") as caught:
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))
    assert FILES[3] in str(caught.value)


def _short(data: bytes) -> bytes:
    return data[:-1]


def _long(data: bytes) -> bytes:
    return data + b"\0"


BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    ("empty", lambda data: b"", "it starts with nothing"),
    ("short", _short, "its header promises 5 x 28 x 28 bytes, and 3919 are there"),
    ("long", _long, "its header promises 5 x 28 x 28 bytes, and more are there"),
    ("header", lambda data: data[:9], "ends inside its header"),
    ("magic", lambda data: b"\x89PNG" + data[4:], "it starts with 89 50 4e 47, an IDX file with 00 00 08 03"),
    ("labels for images", lambda data: idx(np.arange(5)), "it starts with 00 00 08 01"),
    ("other type", lambda data: b"\0\0\x0d" + data[3:], "it starts with 00 00 0d 03"),
    ("absurd", lambda data: data[:4] + b"\xff" * 12 + data[16:], "its header promises 4294967295 x 4294967295"),
    ("no pixels", lambda data: data[:8] + bytes(8), "images without pixels"),
    ("still packed", gzip.compress, "it starts with 1f 8b"),
]


@pytest.mark.parametrize(("break_it", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_file_is_named(tmp_path: Path, break_it: Callable[[bytes], bytes], words: str) -> None:
    write_set(tmp_path)
    file = tmp_path / FILES[0]
    file.write_bytes(break_it(file.read_bytes()))
    with pytest.raises(InputError, match="a broken data file") as caught:
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))
    assert str(file) in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "break_it", [lambda data: data[:-20], lambda data: b"no gzip", lambda data: data[:40] + b"\xff" * 20 + data[60:]]
)
def test_a_broken_gzip_file_is_named(tmp_path: Path, break_it: Callable[[bytes], bytes]) -> None:
    write_set(tmp_path, packed=True)
    file = tmp_path / f"{FILES[0]}.gz"
    file.write_bytes(break_it(file.read_bytes()))
    with pytest.raises(InputError, match="the compressed data are damaged or cut short") as caught:
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))
    assert str(file) in str(caught.value)


def test_counts_and_labels_must_fit(tmp_path: Path) -> None:
    write_set(tmp_path)
    labels = tmp_path / FILES[1]
    labels.write_bytes(idx(np.arange(4)))
    with pytest.raises(InputError, match="it has 4 labels, and train-images-idx3-ubyte has 5 images"):
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))
    labels.write_bytes(idx(np.array([0, 1, 2, 3, 10])))
    with pytest.raises(InputError, match="label 4 is 10"):
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))


def test_images_of_both_parts_have_one_size(tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / FILES[2]).write_bytes(idx(images(3)[:, :27]))
    with pytest.raises(InputError, match="its images have 756 pixels, those of train-images-idx3-ubyte have 784"):
        load_data(DataSpecification(name="mnist", path=str(tmp_path)))


def test_xz_files_are_read_too(tmp_path: Path) -> None:
    write_set(tmp_path)
    for name in FILES:
        (tmp_path / f"{name}.xz").write_bytes(lzma.compress((tmp_path / name).read_bytes()))
        (tmp_path / name).unlink()
    assert len(load_data(DataSpecification(name="mnist", path=str(tmp_path))).train_inputs) == 5


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    file = write_set(tmp_path) / FILES[0]
    with pytest.raises(InputError, match=r"data\.path: a file, and the data set 'mnist' lies in a folder"):
        load_data(DataSpecification(name="mnist", path=str(file)))


def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it cannot be read"):
        read_idx(tmp_path, 3)


DATA = os.environ.get("ARCHSIM_DATA")


@pytest.mark.parametrize(("name", "mean"), [("mnist", 0.1306604762), ("fashion-mnist", 0.2860405969)])
def test_the_real_files(name: str, mean: float, monkeypatch: pytest.MonkeyPatch) -> None:
    if not DATA or not (Path(DATA) / name).is_dir():
        pytest.skip(f"the environment variable ARCHSIM_DATA names no folder with '{name}'")
    monkeypatch.setenv("ARCHSIM_DATA", DATA)
    data = load_data(DataSpecification(name=name))
    assert data.train_inputs.shape == (60000, 784)
    assert data.test_inputs.shape == (10000, 784)
    assert data.train_inputs.mean(dtype=np.float64) == pytest.approx(mean, abs=1e-7)
    assert np.bincount(data.test_targets).sum() == 10000
