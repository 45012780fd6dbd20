"""Layers to contiguous stages: so that the busiest stage is as little busy as possible."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from archsim.network.graph import Graph

__all__ = ["balanced_partition", "operator_groups"]


def operator_groups(graph: Graph) -> tuple[tuple[str, ...], ...]:
    """Return the runs of operators that stay together: a matrix and the digital operators after it.

    Digital operators before the first matrix go with it.
    """
    groups: list[list[str]] = [[]]
    matrix_seen = False
    for node in graph.nodes:
        if node.matrices:
            if matrix_seen:
                groups.append([])
            matrix_seen = True
        groups[-1].append(node.name)
    return tuple(tuple(group) for group in groups)


def balanced_partition(times: Sequence[int], stages: int) -> tuple[int, ...]:
    """Cut a sequence of times into contiguous stages that minimise the largest sum.

    Dynamic programming over prefixes: with P the prefix sums,
    ``best[m][j] = min over i of max(best[m - 1][i], P[j] - P[i])``. The first term rises with i and
    the second falls, so the minimum lies where they cross and is found by bisection. Of equally good
    cuts the latest is taken.

    Parameters
    ----------
    times : sequence of int
        Non-negative times, in order.
    stages : int
        Number of stages, none of them empty.

    Returns
    -------
    tuple of int
        The end (exclusive) of each stage.
    """
    if not 1 <= stages <= len(times):
        raise ValueError(f"{len(times)} times cannot be cut into {stages} stages")
    prefix = [0, *accumulate(times)]
    best = list(prefix)
    cuts: list[list[int]] = []
    for stage in range(1, stages):
        row = [0] * len(prefix)
        cut = [0] * len(prefix)
        for end in range(stage + 1, len(prefix)):
            row[end], cut[end] = _best_cut(best, prefix, stage, end)
        best = row
        cuts.append(cut)
    ends = [len(times)]
    for cut in reversed(cuts):
        ends.append(cut[ends[-1]])
    return tuple(reversed(ends))


def _best_cut(best: Sequence[int], prefix: Sequence[int], first: int, end: int) -> tuple[int, int]:
    """Return the smallest largest sum up to `end` and its last cut, which lies in first..end-1."""
    crossing = bisect_left(range(end), True, first, end, key=lambda i: best[i] >= prefix[end] - prefix[i])
    candidates = [i for i in (crossing - 1, crossing) if first <= i < end]
    value, negative = min((max(best[i], prefix[end] - prefix[i]), -i) for i in candidates)
    return value, -negative
