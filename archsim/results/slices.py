"""Stored slices of a finished run: in memory or in a Parquet file, read in groups of rows."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from archsim.errors import InputError
from archsim.files import open_regular

__all__ = ["SCHEMA", "TIMELINE_COLUMNS", "Slices", "SlicesInMemory", "SlicesOnDisk", "write_slices"]

#: Columns of a timeline's table.
TIMELINE_COLUMNS = ("unit", "stage", "layer", "action", "micro_batch", "start_ps", "end_ps", "cause")

_NAME = pa.dictionary(pa.int32(), pa.string())
_TYPES = dict.fromkeys(("unit", "layer", "action", "cause"), _NAME)
#: The columns' types, and what tells pandas to read a missing stage or micro-batch as a missing integer.
SCHEMA = pa.schema([(name, _TYPES.get(name, pa.int64())) for name in TIMELINE_COLUMNS]).with_metadata(
    pa.Schema.from_pandas(
        pd.DataFrame({name: pd.Series(dtype="int64") for name in TIMELINE_COLUMNS}).astype(
            dict.fromkeys(_TYPES, "category") | dict.fromkeys(("stage", "micro_batch"), "Int64")
        ),
        preserve_index=False,
    ).metadata
)


class Slices(ABC):
    """Busy and idle slices of all units, in groups of rows (see `archsim.results.timeline.Timeline`)."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of slices."""

    @abstractmethod
    def frame(self) -> pd.DataFrame:
        """Return all slices as one table with the columns of `TIMELINE_COLUMNS`."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write all slices as a Parquet file with one row group for each group of rows."""

    @abstractmethod
    def _groups(self, columns: Sequence[str], window_ps: tuple[int, int] | None) -> Iterator[pa.Table]:
        """Yield columns of the groups; those that lie outside the window may be left out."""

    def select(
        self,
        columns: Sequence[str] = TIMELINE_COLUMNS,
        *,
        window_ps: tuple[int, int] | None = None,
        units: Collection[str] | None = None,
        busy: bool = False,
    ) -> Iterator[pd.DataFrame]:
        """Yield some of the slices group by group, so that they are never in memory together.

        Parameters
        ----------
        columns : sequence of str
            Columns to read.
        window_ps : (int, int), optional
            Only slices that touch this half-open interval of simulated time, in picoseconds.
        units : collection of str, optional
            Only slices of these units.
        busy : bool
            Only busy slices.
        """
        asked = {*columns}
        asked |= {"start_ps", "end_ps"} if window_ps is not None else set()
        asked |= {"unit"} if units is not None else set()
        asked |= {"action"} if busy else set()
        for table in self._groups([name for name in TIMELINE_COLUMNS if name in asked], window_ps):
            masks = []
            if window_ps is not None:
                masks.append(_touches(table, *window_ps))
            if units is not None:
                masks.append(pc.is_in(table["unit"].cast(pa.string()), pa.array(sorted(units), pa.string())))
            if busy:
                masks.append(pc.not_equal(table["action"].cast(pa.string()), ""))
            for mask in masks[1:]:
                masks[0] = pc.and_(masks[0], mask)
            found = table.filter(masks[0]) if masks else table
            if len(found):
                yield found.select(list(columns)).to_pandas()


class SlicesInMemory(Slices):
    """The slices of a run that was not too long.

    Parameters
    ----------
    tables : sequence of Table
        Groups of rows with the schema `SCHEMA`.
    """

    def __init__(self, tables: Sequence[pa.Table]) -> None:
        self._tables = tuple(tables)

    @property
    def count(self) -> int:
        """Number of slices."""
        return sum(map(len, self._tables))

    def frame(self) -> pd.DataFrame:
        """Return all slices as one table with the columns of `TIMELINE_COLUMNS`."""
        whole: pd.DataFrame = pa.concat_tables([SCHEMA.empty_table(), *self._tables]).to_pandas()
        return whole

    def write(self, path: Path) -> None:
        """Write all slices as a Parquet file with one row group for each group of rows."""
        write_slices(path, self._tables)

    def _groups(self, columns: Sequence[str], window_ps: tuple[int, int] | None) -> Iterator[pa.Table]:
        return (table.select(list(columns)) for table in self._tables)


class SlicesOnDisk(Slices):
    """The slices in a Parquet file, which is opened for every reading and must stay where it is.

    Parameters
    ----------
    path : Path
        The file. Nothing but its columns and its number of rows is read now.

    Raises
    ------
    OSError, ValueError
        If the file cannot be read, or its columns are others.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _parquet(path) as file:
            self._count: int = file.metadata.num_rows
            columns = tuple(file.schema_arrow.names)
        if columns != TIMELINE_COLUMNS:
            raise ValueError(f"columns {', '.join(columns)} found, {', '.join(TIMELINE_COLUMNS)} expected")

    @property
    def count(self) -> int:
        """Number of slices."""
        return self._count

    def frame(self) -> pd.DataFrame:
        """Return all slices as one table with the columns of `TIMELINE_COLUMNS`."""
        with self._open() as file:
            whole: pd.DataFrame = file.read().to_pandas()
        return whole

    def write(self, path: Path) -> None:
        """Copy the file."""
        with self._open():
            shutil.copyfile(self.path, path)

    def _groups(self, columns: Sequence[str], window_ps: tuple[int, int] | None) -> Iterator[pa.Table]:
        with self._open() as file:
            for group in range(file.num_row_groups):
                if window_ps is None or _may_touch(file.metadata.row_group(group), *window_ps):
                    yield file.read_row_group(group, columns=list(columns))

    @contextmanager
    def _open(self) -> Iterator[pq.ParquetFile]:
        try:
            stream = open_regular(self.path)
        except FileNotFoundError as error:
            raise InputError(
                "the timeline of this run is no longer there",
                value=str(self.path),
                remedy="save the run before its folder is removed, and load it",
            ) from error
        with stream, pq.ParquetFile(stream) as file:
            yield file


def write_slices(path: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables with the schema `SCHEMA` as the row groups of a Parquet file; equal tables give equal bytes."""
    with path.open("wb") as stream, pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
        for table in tables:
            writer.write_table(table, row_group_size=max(1, len(table)))


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file. By its name alone, PyArrow would take ``s3:x`` for an address and ``~`` for a home."""
    with open_regular(path) as stream, pq.ParquetFile(stream) as file:
        yield file


def _touches(table: pa.Table, start_ps: int, end_ps: int) -> pa.ChunkedArray:
    # A slice of no length belongs to the window in which it lies.
    begun = pc.less(table["start_ps"], end_ps)
    lasting = pc.or_(pc.greater(table["end_ps"], start_ps), pc.greater_equal(table["start_ps"], start_ps))
    return pc.and_(begun, lasting)


def _may_touch(group: pq.RowGroupMetaData, start_ps: int, end_ps: int) -> bool:
    start = group.column(TIMELINE_COLUMNS.index("start_ps")).statistics
    end = group.column(TIMELINE_COLUMNS.index("end_ps")).statistics
    if start is None or end is None or not (start.has_min_max and end.has_min_max):
        return True
    return bool(start.min < end_ps and end.max >= start_ps)
