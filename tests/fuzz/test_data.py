"""Any bytes are a data file or a mistake that is told: never another exception, never a hang."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.data import DataSet, load_data
from archsim.data.specification import DataSpecification
from tests.fuzz.mutations import fuzzed, result_or_input_error, spoiled

IDX = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
PACKED: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}
ENDINGS = st.sampled_from(list(PACKED))
NUMBERS = [struct.pack(">I", number) for number in (0, 1, 2, 3, 2**16, 2**31, 2**32 - 1)]


def idx(*shape: int) -> bytes:
    size = int(np.prod(shape))
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(i % 10 for i in range(size))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ARCHSIM_DATA", raising=False)
    return tmp_path


def load(**fields: Any) -> None:
    specification = DataSpecification.model_validate(fields)
    loaded = result_or_input_error(lambda: load_data(specification))
    if isinstance(loaded, DataSet):
        assert len(loaded.train_inputs) == len(loaded.train_targets) > 0
        assert np.isfinite(loaded.train_inputs).all()


@fuzzed(80)
@given(which=st.integers(0, 3), ending=ENDINGS, before=st.booleans(), data=st.data())
def test_any_idx_file(folder: Path, which: int, ending: str, before: bool, data: st.DataObject) -> None:
    contents = [idx(3, 4, 4), idx(3), idx(2, 4, 4), idx(2)]
    for name, content in zip(IDX, contents, strict=True):
        for old in PACKED:
            (folder / (name + old)).unlink(missing_ok=True)
        (folder / name).write_bytes(content)
    (folder / IDX[which]).unlink()
    pack = PACKED[ending]
    raw = data.draw(spoiled(st.just(contents[which]), NUMBERS)) if before else contents[which]
    packed = pack(raw) if before else data.draw(spoiled(st.just(pack(raw)), NUMBERS))
    (folder / (IDX[which] + ending)).write_bytes(packed)
    load(name="mnist", path=str(folder))


RECORDS = bytes([7, *(i % 251 for i in range(3072)), 9, *(i % 13 for i in range(3072))])


@fuzzed(80)
@given(
    ending=ENDINGS,
    raw=st.just(RECORDS) | spoiled(st.just(RECORDS), [b"\x0a", bytes(3073)]) | st.binary(max_size=64),
    data=st.data(),
)
def test_any_cifar_file(folder: Path, ending: str, raw: bytes, data: st.DataObject) -> None:
    packed = data.draw(st.just(PACKED[ending](raw)) | spoiled(st.just(PACKED[ending](raw))))
    file = folder / f"records.bin{ending}"
    file.write_bytes(packed)
    load(name="cifar10", train_files=[str(file)], test_files=[str(file)], standardize=True)


def npy(array: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


ARRAYS = {
    "train_inputs": np.arange(12, dtype=np.float32).reshape(4, 3),
    "train_targets": np.array([0, 1, 2, 0]),
    "test_inputs": np.ones((2, 3), np.uint8),
    "test_targets": np.array([1, 2], np.int8),
    "classes": np.array(3),
}
STRANGE = [
    npy(array)
    for array in (
        np.zeros((0, 3)),
        np.zeros((4, 0)),
        np.array(3.0),
        np.array([{}], dtype=object),
        np.array(["a"]),
        np.zeros(4, "datetime64[s]"),
        np.zeros(4, [("a", int)]),
        np.full((4, 3), 1e300),
        np.array([0, 1, 2, 2**62]),
        np.array([-1, 0, 1, 2]),
        np.zeros((4, 3), complex),
        np.array([0, 1, 2**64 - 1, 1], np.uint64),
        np.asfortranarray(np.ones((4, 3), ">f8")),
        np.zeros((4, 3), bool),
    )
]
TOKENS = [
    b"'|O'",
    b"'<f8'",
    b"(4,)",
    b"(-1, 3)",
    b"(99999999999,)",
    b"True",
    b"\x93NUMPY\x03\x00",
    b"((",
    b"'''",
    b"\\",
]


@fuzzed(80)
@given(
    changed=st.dictionaries(st.sampled_from(list(ARRAYS)), st.none() | st.integers(0, len(STRANGE)), max_size=2),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2]),
    data=st.data(),
)
def test_any_npz_file(folder: Path, changed: dict[str, int | None], method: int, data: st.DataObject) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as written:
        for name, array in ARRAYS.items():
            entry = npy(array)
            if name in changed:
                choice = changed[name]
                if choice is None:
                    continue
                entry = STRANGE[choice] if choice < len(STRANGE) else data.draw(spoiled(st.just(entry), TOKENS))
            written.writestr(f"{name}.npy", entry)
    file = folder / "fuzzed.npz"
    file.write_bytes(archive.getvalue() if changed else data.draw(spoiled(st.just(archive.getvalue()))))
    load(name="npz", path=str(file), standardize=True)


@fuzzed(60)
@given(
    changed=st.dictionaries(st.sampled_from(["X", "digit", "index"]), st.none() | st.integers(0, len(STRANGE) - 1)),
    data=st.data(),
)
def test_any_file_of_spoken_digits(folder: Path, changed: dict[str, int | None], data: st.DataObject) -> None:
    arrays = {
        "X": np.ones((4, 2, 3), np.uint8),
        "digit": np.array([0, 1, 9, 3], np.uint8),
        "index": np.array([0, 5, 6, 7], np.uint8),
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for name, array in arrays.items():
            choice = changed.get(name, -1)
            if choice is not None:
                written.writestr(f"{name}.npy", npy(array) if choice < 0 else STRANGE[choice])
    whole = st.just(archive.getvalue())
    (folder / "fsdd-logmel-3000.npz").write_bytes(data.draw(whole if changed else spoiled(whole)))
    load(name="spoken-digits", path=str(folder))


@fuzzed(60)
@given(
    ending=ENDINGS,
    text=st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=40),
    length=st.integers(1, 8),
    encoding=st.sampled_from(["one-hot", "index"]),
)
def test_any_text(folder: Path, ending: str, text: bytes, length: int, encoding: str) -> None:
    file = folder / f"some.txt{ending}"
    file.write_bytes(PACKED[ending](text))
    load(name="text", train_files=[str(file)], windows={"length": length, "encoding": encoding})
