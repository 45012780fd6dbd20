"""Whether updates before the end of a mini-batch reach what F and B read: by the algorithms of an experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archsim.analog.algorithms import StatesAccumulator, kind_of
from archsim.network.graph import Matrix
from archsim.simulation.layout import Layout

__all__ = ["UpdatesSeen", "updates_seen"]

#: *end*: F and B meet updates at the end of a mini-batch only. *transfers*: they meet transfers within it. *at once*:
#: each U changes what they read. *unknown*: an algorithm does not say where gradients go.
When = Literal["end", "transfers", "at once", "unknown"]


@dataclass(frozen=True)
class UpdatesSeen:
    """When F and B meet the updates of a mini-batch that a stage has applied before it starts on the next one.

    Attributes
    ----------
    when : str
        *end*, *transfers*, *at once* or *unknown*, the first of the last three that holds of any matrix.
    accumulators : tuple of str
        Where U goes, if F and B do not read it.
    """

    when: When
    accumulators: tuple[str, ...] = ()


def updates_seen(layout: Layout) -> UpdatesSeen:
    """Return when F and B meet the updates of a mini-batch.

    What digital units hold counts as met at its end, since such schedules show it then.
    """
    found: dict[When, set[str]] = {}
    for matrix in layout.graph.matrices:
        if matrix.settings.trainable and not matrix.digital:
            when, accumulator = _of_matrix(layout, matrix)
            found.setdefault(when, set()).update([accumulator] if accumulator else [])
    order: tuple[When, ...] = ("at once", "transfers", "unknown", "end")
    when = next((one for one in order if one in found), "end")
    return UpdatesSeen(when, tuple(sorted(found.get(when, ()))))


def _of_matrix(layout: Layout, matrix: Matrix) -> tuple[When, str | None]:
    settings = matrix.settings.algorithm or layout.training.algorithm
    kind = kind_of(settings)
    if not isinstance(kind, StatesAccumulator):
        return "unknown", None
    accumulator = kind.accumulator(settings)
    if accumulator is None:
        return "at once", None
    vectors = layout.training.mini_batch * matrix.vectors
    # Of several transfers the last one writes the weights.
    writes = [update.transfers[-1] for update in layout.expected.updates[matrix.name] if update.transfers]
    return "transfers" if any(write.every % vectors for write in writes) else "end", accumulator
