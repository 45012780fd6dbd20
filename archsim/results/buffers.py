"""How full the buffers were over time: a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

__all__ = ["BUFFER_COLUMNS", "buffer_table"]

#: Column names and types.
BUFFER_COLUMNS: dict[str, str] = {"buffer": "str", "time_ps": "int64", "claimed_bytes": "int64"}


def buffer_table(curves: Mapping[str, Iterable[tuple[int, int]]] | None = None) -> pd.DataFrame:
    """Return one row for each change of a buffer's claimed space, in the order of time within a buffer.

    Parameters
    ----------
    curves : mapping of str to iterable of (int, int)
        For each buffer, times in picoseconds and the bytes claimed from then on.
    """
    rows = [(name, time, size) for name, curve in (curves or {}).items() for time, size in curve]
    return pd.DataFrame(rows, columns=list(BUFFER_COLUMNS)).astype(BUFFER_COLUMNS)
