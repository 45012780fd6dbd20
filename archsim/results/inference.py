"""Accuracy of a trained network on programmed conductances, over time: a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

__all__ = ["INFERENCE_COLUMNS", "inference_table"]

#: Column names and types.
INFERENCE_COLUMNS: dict[str, str] = {
    "time_s": "float64",
    "programming": "int64",
    "test_accuracy": "float64",
}


def inference_table(accuracies: Sequence[tuple[float, Sequence[float]]] = ()) -> pd.DataFrame:
    """Return one row for each time and programming.

    Parameters
    ----------
    accuracies : sequence of (float, sequence of float)
        Seconds after programming, and the accuracy of each programming at that time.
    """
    rows = [(time_s, number, value) for time_s, values in accuracies for number, value in enumerate(values, 1)]
    return pd.DataFrame(rows, columns=list(INFERENCE_COLUMNS)).astype(INFERENCE_COLUMNS)
