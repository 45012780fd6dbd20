"""Causes of idle time that follow from where an action stands: fill, drain, and flush between mini-batches."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

__all__ = ["DRAIN", "FILL", "FLUSH", "begins_after_flush", "flushed_mini_batches"]

#: Idle time before the first action of a place.
FILL = "fill"
#: Idle time after its last one.
DRAIN = "drain"
#: Idle time between the last action of a mini-batch and the first one of the next.
FLUSH = "flush"


def begins_after_flush(mini_batches: Sequence[int]) -> dict[int, int]:
    """Return where a place begins a mini-batch when it has done all that it does of those before.

    Parameters
    ----------
    mini_batches : sequence of int
        The mini-batch of each action of a place, in order.

    Returns
    -------
    dict of int to int
        Mini-batch by the position of its first action; the first mini-batch of all is left out.
    """
    least = list(accumulate(reversed(mini_batches), min))[::-1]
    most = list(accumulate(mini_batches, max))
    return {i: mini_batches[i] for i in range(1, len(mini_batches)) if least[i] > most[i - 1]}


def flushed_mini_batches(rows: Sequence[Sequence[int]]) -> set[int]:
    """Return the mini-batches that every place begins only when it has done all of those before: there is a flush.

    Where one place begins a mini-batch earlier, as in an asynchronous pipeline, the others wait for their inputs.

    Parameters
    ----------
    rows : sequence of sequence of int
        For each place, the mini-batch of each of its actions, in order.
    """
    found = [set(begins_after_flush(row).values()) for row in rows if len(row)]
    return set.intersection(*found) if found else set()
