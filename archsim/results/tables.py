"""Tables as CSV files that are equal byte for byte when the numbers are equal bit for bit."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
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
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def read_csv(path: Path, columns: Mapping[str, str]) -> pd.DataFrame:
    """Read a table that `write_csv` wrote, with the given column names and types.

    Raises
    ------
    ValueError
        If the columns are others or a value does not fit its type.
    """
    # Only an empty cell of a number column is missing; a layer may well be called 'nan' or 'null'.
    empty = {name: [""] if kind == "float64" else [] for name, kind in columns.items()}
    table = pd.read_csv(path, dtype=dict(columns), keep_default_na=False, na_values=empty, float_precision="round_trip")
    if list(table.columns) != list(columns):
        raise ValueError(f"columns {', '.join(map(str, table.columns))} found, {', '.join(columns)} expected")
    return table


def same_table(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return whether two tables hold the same values in the same order; categories may be numbered otherwise."""
    return list(one.columns) == list(other.columns) and all(
        _plain(one[name]).equals(_plain(other[name])) for name in one.columns
    )


def _plain(column: pd.Series) -> pd.Series:
    return column.astype("str") if isinstance(column.dtype, pd.CategoricalDtype) else column
