"""Tables as CSV files that are equal byte for byte when the numbers are equal bit for bit."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Container, Mapping
from pathlib import Path

import pandas as pd

__all__ = ["read_csv", "same_table", "write_csv"]


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table; numbers in the shortest form that reads back exactly, a missing one as nothing."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns)
        # tolist gives Python's own numbers, whose repr is exact and does not depend on the pandas version.
        writer.writerows(map(_row, zip(*(table[name].tolist() for name in table.columns), strict=True)))


def _row(values: tuple[object, ...]) -> list[str]:
    return [_text(value) for value in values]


def _text(value: object) -> str:
    if value is pd.NA:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def read_csv(path: Path, columns: Mapping[str, str], later: Container[str] = ()) -> pd.DataFrame:
    """Read a table that `write_csv` wrote, with the given column names and types.

    Columns named in `later`, which older tables do not have, hold nothing then.

    Raises
    ------
    ValueError
        If the columns are others or a value does not fit its type.
    """
    with path.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    if header != [name for name in columns if name in header or name not in later]:
        raise ValueError(f"columns {', '.join(header)} found, {', '.join(columns)} expected")
    cells = list(zip(*rows, strict=True)) or [()] * len(header)
    values = {name: [_READ[columns[name]](cell) for cell in found] for name, found in zip(header, cells, strict=True)}
    return pd.DataFrame(values | {name: [pd.NA] * len(rows) for name in columns if name not in header})[
        list(columns)
    ].astype(dict(columns))


def _whole(cell: str) -> object:
    return int(cell) if cell else pd.NA


def _number(cell: str) -> float:
    return float(cell) if cell else math.nan


#: How a cell of a column of some type is read: exactly, and without guessing what may be meant by 'nan' or 'null'.
_READ: Mapping[str, Callable[[str], object]] = {"int64": int, "Int64": _whole, "float64": _number, "str": str}


def same_table(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether two tables hold the same values in the same order; categories may be numbered otherwise."""
    return list(one.columns) == list(other.columns) and all(
        _plain(one[name]).equals(_plain(other[name])) for name in one.columns
    )


def _plain(column: pd.Series) -> pd.Series:
    return column.astype("str") if isinstance(column.dtype, pd.CategoricalDtype) else column
