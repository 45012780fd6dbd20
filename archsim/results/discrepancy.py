"""How far the weights of backwards were from those of their forwards: a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

__all__ = ["DISCREPANCY_COLUMNS", "discrepancy_table"]

#: Column names and types.
DISCREPANCY_COLUMNS: dict[str, str] = {
    "matrix": "str",
    "micro_batch": "int64",
    "discrepancy": "float64",
    "relative": "float64",
}


def discrepancy_table(series: Mapping[str, Iterable[tuple[int, float, float]]] | None = None) -> pd.DataFrame:
    """Return a row for each measurement of a matrix.

    Parameters
    ----------
    series : mapping of str to iterable of (int, float, float)
        For each matrix: the micro-batch; the Frobenius norm of W_B - W_F, the effective weights that its backward met
        without those that its forward met; and the same divided by the norm of W_F, NaN where that is 0.
    """
    rows = [(name, *point) for name, points in (series or {}).items() for point in points]
    return pd.DataFrame(rows, columns=list(DISCREPANCY_COLUMNS)).astype(DISCREPANCY_COLUMNS)
