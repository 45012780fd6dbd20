"""Text, character by character: windows of it as inputs, and of each position the next character as target.

Default file: tiny Shakespeare of A. Karpathy, https://github.com/karpathy/char-rnn (MIT; the text is in the public
domain), 1,115,394 characters, 65 of them distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from archsim.data.dataset import DataSet
from archsim.data.files import MOST_BYTES, broken, content
from archsim.data.folders import find, find_named, locate, refuse
from archsim.data.specification import DataSpecification, TextWindows
from archsim.errors import InputError

__all__ = ["load", "read_characters"]

_FILE = "tinyshakespeare.txt"
#: The part of a text that is held out for tests where no files are named for them: its end.
_HELD_OUT = 10

Numbers = npt.NDArray[np.int64]


def load(specification: DataSpecification) -> DataSet:
    """Return the windows of a text: ``data.windows`` says how long they are and how characters are told.

    The text is what ``data.train_files`` and ``data.test_files`` hold, files one after the other, in UTF-8. Without
    them it is ``tinyshakespeare.txt``; without test files, the last tenth of the text is for tests. A class is a
    character, numbered in the order of their code points, over both parts.

    Windows follow each other without a gap, and a rest that fills none is left out. Inputs have the shape (samples,
    length, classes), one 1 among zeros at each position, or (samples, length), the number of the character; targets
    (samples, length) are the numbers of the characters that come next.

    Raises
    ------
    InputError
        If a file is missing, is no text, or is shorter than a window.
    """
    refuse(specification, "arrays")
    if specification.standardize:
        raise InputError(
            "characters have no mean and no spread",
            field="data.standardize",
            value=True,
            remedy="remove data.standardize",
        )
    train, test = _files(specification)
    characters, parts = read_characters(train, test)
    if not test:
        cut = len(parts[0]) - len(parts[0]) // _HELD_OUT
        parts = (parts[0][:cut], parts[0][cut:])
    windows = specification.windows or TextWindows()
    caps = (specification.samples, specification.test_samples)
    inputs, targets = zip(
        *(_windows(part, windows, len(characters), cap) for part, cap in zip(parts, caps, strict=True)), strict=True
    )
    if not len(inputs[0]):
        raise InputError(
            f"the text has {len(parts[0])} characters to train on, which is too short for a window and its target",
            field="data.windows.length",
            value=windows.length,
            allowed=f"1 to {max(1, len(parts[0]) - 1)}",
        )
    name, files = specification.name, (*train, *test)
    return DataSet(name, inputs[0], targets[0], inputs[1], targets[1], classes=len(characters), files=files)


def read_characters(train: Sequence[Path], test: Sequence[Path] = ()) -> tuple[str, tuple[Numbers, Numbers]]:
    """Return the distinct characters in the order of their code points, and those of both parts by their numbers.

    Parameters
    ----------
    train, test : sequence of Path
        Files in UTF-8, each part's one after the other.

    Raises
    ------
    InputError
        If a file cannot be read or is no text.
    """
    points = [np.concatenate([_points(file) for file in files] or [np.empty(0, np.uint32)]) for files in (train, test)]
    known, numbers = np.unique(np.concatenate(points), return_inverse=True)
    numbers = numbers.reshape(-1).astype(np.int64)
    return "".join(map(chr, known)), (numbers[: len(points[0])], numbers[len(points[0]) :])


def _files(specification: DataSpecification) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    named = specification.train_files
    tests = specification.test_files
    test = () if tests is None else find_named(specification, "data.test_files", tests)
    if named is not None:
        return find_named(specification, "data.train_files", named), test
    folder = locate(specification, (_FILE,), remedy="get that file, or name another text in data.train_files")
    file = find(folder, _FILE)
    return (file or folder / _FILE,), test


def _points(file: Path) -> npt.NDArray[np.uint32]:
    """Return the code points of a file's characters."""
    data = content(file, MOST_BYTES)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise broken(file, f"byte {error.start} is no UTF-8", allowed="a text in UTF-8") from error
    return np.frombuffer(text.encode("utf-32-le"), np.dtype("<u4")).astype(np.uint32)


def _windows(
    part: Numbers, windows: TextWindows, classes: int, cap: int | None
) -> tuple[npt.NDArray[np.float32], Numbers]:
    """Return inputs and targets of a part; of no more windows than are asked for, which can be large."""
    length = windows.length
    there = max(0, len(part) - 1) // length
    count = there if cap is None else min(cap, there)
    now = part[: count * length].reshape(count, length)
    following = np.ascontiguousarray(part[1 : count * length + 1].reshape(count, length))
    if windows.encoding == "index":
        return now.astype(np.float32), following
    inputs = np.zeros((count, length, classes), np.float32)
    np.put_along_axis(inputs, now[:, :, None], np.float32(1), axis=2)
    return inputs, following
