"""The bytes of data files: unpacked by their ending, bounded, and what every failure says."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from archsim.data import files
from archsim.data.files import content
from archsim.errors import InputError


@pytest.mark.parametrize(("ending", "pack"), [("", bytes), (".gz", gzip.compress), (".xz", lzma.compress)])
def test_files_are_unpacked_by_their_ending(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / f"data{ending}"
    file.write_bytes(pack(b"abc" * 1000))
    assert content(file) == b"abc" * 1000
    assert content(file, 10) == (b"abc" * 4)[:11]


@pytest.mark.parametrize(("ending", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_damaged_files_are_named(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    file = tmp_path / f"data{ending}"
    packed = pack(bytes(range(256)) * 50)
    for damaged in (packed[:-4], packed[:30], b"neither", packed[:60] + b"\xff" * 40 + packed[100:]):
        file.write_bytes(damaged)
        with pytest.raises(InputError, match="the compressed data are damaged or cut short") as caught:
            content(file)
        assert str(file) in str(caught.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_bomb_is_not_unpacked_further_than_the_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", 2**20)
    file = tmp_path / ("bomb.gz" if pack is gzip.compress else "bomb")
    file.write_bytes(pack(bytes(2**23)))
    with pytest.raises(InputError, match="a broken data file: it holds more than") as caught:
        content(file, 2**20)
    assert str(file) in str(caught.value)


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="it cannot be read") as caught:
        content(tmp_path / "gone")
    assert str(tmp_path / "gone") in str(caught.value)
