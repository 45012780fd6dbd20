"""A search that halves: both ends of each key, then what lies between the better neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from archsim.document.axes import Axis


def ends_first(axes: Sequence[Axis], results: pd.DataFrame) -> Sequence[Mapping[str, str]]:
    """Return both ends of the first key, then the value in the middle between the best one and its better neighbour."""
    axis = axes[0]
    values = list(axis.values)
    if results.empty:
        return [{axis.key: value} for value in dict.fromkeys((values[0], values[-1]))]
    known = dict(zip((values.index(value) for value in results[axis.key]), results["loss"], strict=True))
    best = min(known, key=lambda place: known[place])
    neighbours = [max((p for p in known if p < best), default=best), min((p for p in known if p > best), default=best)]
    other = min((p for p in neighbours if p != best), key=lambda place: known[place])
    return [{axis.key: values[(best + other) // 2]}]
