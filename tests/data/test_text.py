"""Text: each position's target is the character that comes next, for any text, length and number of windows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.data import DataSet, load_data
from archsim.data.specification import DataSpecification
from archsim.errors import InputError

TEXT = "to be, or not to be: that is the question"


def read(folder: Path, **fields: object) -> DataSet:
    return load_data(DataSpecification.model_validate({"name": "text", "path": str(folder), **fields}))


def written(folder: Path, text: str, name: str = "tinyshakespeare.txt") -> None:
    (folder / name).write_bytes(text.encode())


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(codec="utf-8"), min_size=3, max_size=80),
    length=st.integers(1, 12),
    cap=st.none() | st.integers(1, 3),
)
def test_windows_are_the_text(tmp_path: Path, text: str, length: int, cap: int | None) -> None:
    written(tmp_path, text, "a.txt")
    written(tmp_path, text[::-1], "b.txt")
    known = sorted(set(text))
    windows = (len(text) - 1) // length
    fields = {"train_files": ["a.txt"], "test_files": ["b.txt"], "windows": {"length": length, "encoding": "index"}}
    if windows == 0 or (cap or 0) > windows:
        with pytest.raises(InputError):
            read(tmp_path, samples=cap, **fields)
        return
    data = read(tmp_path, samples=cap, **fields)
    count = cap or windows
    assert data.train_inputs.shape == data.train_targets.shape == (count, length)
    for inputs, targets, part in (
        (data.train_inputs, data.train_targets, text[: count * length + 1]),
        (data.test_inputs, data.test_targets, text[::-1][: windows * length + 1]),
    ):
        assert "".join(known[int(n)] for n in inputs.reshape(-1)) == part[:-1]
        assert "".join(known[n] for n in targets.reshape(-1)) == part[1:]
    assert data.classes == len(known)


def test_one_hot_is_a_one_at_the_number(tmp_path: Path) -> None:
    written(tmp_path, TEXT)
    number = read(tmp_path, windows={"length": 5, "encoding": "index"})
    hot = read(tmp_path, windows={"length": 5})
    assert hot.train_inputs.shape == (*number.train_inputs.shape, len(set(TEXT)))
    assert np.array_equal(hot.train_inputs.argmax(axis=2), number.train_inputs)
    assert (hot.train_inputs.sum(axis=2) == 1).all()
    assert np.array_equal(hot.train_targets, number.train_targets)


def test_the_last_tenth_is_held_out(tmp_path: Path) -> None:
    written(tmp_path, TEXT)
    data = read(tmp_path, windows={"length": 1, "encoding": "index"})
    assert len(data.train_inputs) == len(TEXT) - len(TEXT) // 10 - 1
    assert len(data.test_inputs) == len(TEXT) // 10 - 1


def test_mistakes_are_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"name another text in data\.train_files"):
        read(tmp_path)
    written(tmp_path, "short")
    with pytest.raises(InputError, match=r"data\.windows\.length: the text has 5 characters"):
        read(tmp_path, windows={"length": 5})
    written(tmp_path, TEXT)
    with pytest.raises(InputError, match="characters have no mean"):
        read(tmp_path, standardize=True)
    (tmp_path / "tinyshakespeare.txt").write_bytes(b"good \xff bad")
    with pytest.raises(InputError, match="byte 5 is no UTF-8"):
        read(tmp_path)


@pytest.mark.skipif("ARCHSIM_DATA" not in os.environ, reason="needs the text")
def test_tiny_shakespeare() -> None:
    data = load_data(DataSpecification.model_validate({"name": "text", "samples": 3, "windows": {"length": 16}}))
    assert data.classes == 65
    assert data.train_inputs.shape == (3, 16, 65)
    known = "\n !$&',-.3:;?" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz"
    assert "".join(known[n] for n in data.train_targets[0]) == "irst Citizen:\nBe"
