"""Weights that no transfer has reached."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.analog.observed import FirstWrites
from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["unwritten_weights"]

#: Share of cells that hold what they held at the start above which they are told, where all could have been written.
UNTOUCHED = 0.9


def unwritten_weights(run: Evidence) -> Iterator[str]:
    """Cells that still hold their initial weights, where gradients go elsewhere and transfers move them on.

    A timing run knows when transfers are due; any other also knows which cells have changed. A run that trains nothing
    has no gradients to move.
    """
    if not any(run.observations.updates):
        return
    for layer, parts in run.updates.items():
        writes = [part.first_writes for part in parts if part.first_writes is not None]
        if not writes:
            continue
        vectors = run.vectors[layer]
        share = due = max(each.unwritten(vectors) for each in writes)
        if layer in run.matrices:
            share = run.matrices[layer].untouched
        if share > (0.0 if due else UNTOUCHED):
            when = _when(writes, vectors)
            yield f"layer '{layer}': {share:.0%} of the cells were never written by a transfer: {when}"


def _when(writes: list[FirstWrites], vectors: int) -> str:
    first, last = [each.first for each in writes], [each.last for each in writes]
    if None in first or None in last:
        return "none is ever due; set transfer_every and transfer_lr above 0"
    earliest, latest = min(x for x in first if x is not None), max(x for x in last if x is not None)
    due = f"the first is due after {earliest:,} vectors, each line can have been written after {latest:,}"
    if vectors < latest:
        return f"{due}, and the run has {vectors:,}; train longer, or transfer more often"
    return f"{due}, but what was read stayed below the threshold of a pulse; raise the transfer rate"
