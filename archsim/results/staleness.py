"""How stale the weights were that micro-batches met: a histogram for each layer, as a table."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

__all__ = ["STALENESS_COLUMNS", "staleness_table"]

#: Column names and types.
STALENESS_COLUMNS: dict[str, str] = {
    "stage": "int64",
    "layer": "str",
    "until": "str",
    "updates": "int64",
    "micro_batches": "int64",
}


def staleness_table(rows: Iterable[tuple[int, str, str, int, int]] = ()) -> pd.DataFrame:
    """Return a histogram: of how many micro-batches a layer made so many updates while they were on their way.

    Parameters
    ----------
    rows : iterable of (int, str, str, int, int)
        Stage; layer that its updates change (empty for a stage whose updates change none); ``backward`` for what is
        counted from the forward of a micro-batch to its backward at the stage, ``update`` for what is counted to the
        update that applies it; updates between the two; number of micro-batches with so many.
    """
    return pd.DataFrame(list(rows), columns=list(STALENESS_COLUMNS)).astype(STALENESS_COLUMNS)
