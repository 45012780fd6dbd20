"""The area of a chip as a table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from archsim.chip.area import AreaRow

__all__ = ["AREA_COLUMNS", "area_table"]

#: Column names and types of an area table.
AREA_COLUMNS: dict[str, str] = {"component": "str", "count": "int64", "unit_um2": "float64", "area_um2": "float64"}


def area_table(rows: Iterable[AreaRow] = ()) -> pd.DataFrame:
    """Return one row for each kind of part, with the columns of `AREA_COLUMNS`."""
    values = [(row.component, row.count, row.unit_um2, row.area_um2) for row in rows]
    return pd.DataFrame(values, columns=list(AREA_COLUMNS)).astype(AREA_COLUMNS)
