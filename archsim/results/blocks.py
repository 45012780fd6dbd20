"""Blocks of slices as they are recorded, numbers only: sorted, kept in files, and given their names."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from archsim.errors import InputError
from archsim.files import digest_of, read_regular
from archsim.results.slices import SCHEMA

__all__ = ["BLOCK", "FIELDS", "Names", "check_part", "read_part", "write_part"]

#: Slices of a block. Where a block ends depends on nothing else, so a resumed run makes the same blocks.
BLOCK = 2**16
#: What is recorded of a slice. ``kind`` is the number of the action, or -1 - number of the cause of an idle one.
FIELDS = ("unit", "kind", "layer", "micro_batch", "start_ps", "end_ps")

#: A part takes less than its numbers would without compression.
_MOST_BYTES = 2 * BLOCK * len(FIELDS) * 8

Block = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers in a block stand for.

    Attributes
    ----------
    units : sequence of str
        Names of the units.
    stages : sequence of int
        The stage of each unit, -1 for none.
    actions, layers, causes : mapping of str to int
        Numbers by name; the empty text stands for none.
    """

    units: Sequence[str]
    stages: Sequence[int]
    actions: Mapping[str, int]
    layers: Mapping[str, int]
    causes: Mapping[str, int]

    def table(self, block: Block) -> pa.Table:
        """Return a block [slices, fields] as a table with the schema `SCHEMA`, sorted by start, then by unit."""
        unit, kind, layer, micro_batch, start, end = block[np.lexsort((block[:, 5], block[:, 0], block[:, 4]))].T
        columns = (
            _names(unit, {name: i for i, name in enumerate(self.units)}, first=()),
            _nullable(np.asarray(self.stages, dtype=np.int64)[unit]),
            _names(layer, self.layers),
            _names(np.maximum(kind, -1), self.actions),
            _nullable(micro_batch),
            pa.array(start),
            pa.array(end),
            _names(np.maximum(-1 - kind, -1), self.causes),
        )
        return pa.Table.from_arrays(columns, schema=SCHEMA)


def write_part(path: Path, block: Block) -> str:
    """Bring a block [slices, fields] to the disk and return its SHA-256; the file is there as a whole or not at all."""
    # Not with the folders above: where a run's own was deleted, it stays so.
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    table = pa.table([np.ascontiguousarray(column) for column in block.T], names=list(FIELDS))
    content = io.BytesIO()
    pq.write_table(table, content, compression="zstd")
    with partial.open("wb") as file:
        file.write(content.getbuffer())
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    return hashlib.sha256(content.getbuffer()).hexdigest()


def read_part(path: Path, digest: str) -> Block:
    """Return the block that `write_part` wrote.

    Raises
    ------
    InputError
        If the file is missing, or is not what was written.
    """
    try:
        content = read_regular(path, _MOST_BYTES, follow=False)
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise _damaged(path, "is not what was written")
    with pq.ParquetFile(io.BytesIO(content)) as file:
        table = file.read()
    return np.stack([table[name].to_numpy() for name in FIELDS], axis=1)


def check_part(path: Path, digest: str) -> None:
    """Raise the error that `read_part` would raise."""
    try:
        found = digest_of(path, follow=False)
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from error
    if found != digest:
        raise _damaged(path, "is not what was written")


def _damaged(path: Path, problem: str) -> InputError:
    return InputError(
        f"the timeline so far of this run is damaged: {path.name} {problem}",
        value=str(path),
        remedy="put the file back, or start the run again with --force",
    )


def _names(codes: Block, numbers: Mapping[str, int], first: tuple[str, ...] = ("",)) -> pa.DictionaryArray:
    """Codes as their names; the first of `first` stands for -1."""
    names = [*first, *(name for name in numbers if name not in first)]
    places = {name: i for i, name in enumerate(names)}
    translate = np.zeros(len(numbers) + 1, dtype=np.int32)
    for name, code in numbers.items():
        translate[code] = places[name]
    return pa.DictionaryArray.from_arrays(translate[codes], pa.array(names, pa.string()))


def _nullable(values: Block) -> pa.Array:
    return pa.array(values, mask=values < 0)
