"""What a sample of a run's reads and pulse trains says about converters and trains: clipped, lost, or full.

One vector in `EVERY` is looked at, by its index in the run: so the same ones however a run is cut into blocks, and at
next to no cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.specification import UpdateParameters

__all__ = ["EVERY", "Indices", "ReadCounts", "Samples", "TrainCounts", "sampled", "sampled_parts"]

#: Vectors of which one is looked at.
EVERY: Final = 64

Counts = NDArray[np.int64]
Indices = NDArray[np.intp]
#: Where the only part of a block begins.
_WHOLE: Final = np.zeros(1, np.intp)


def sampled(first_vector: int, vectors: int) -> slice | None:
    """Return which vectors of a block are looked at; None for none of them."""
    begin = -first_vector % EVERY
    return slice(begin, None, EVERY) if begin < vectors else None


def sampled_parts(first_vector: int, vectors: int, begins: Indices) -> tuple[slice, Indices]:
    """Return which vectors of a block are looked at, and where parts of it begin among these.

    Parameters
    ----------
    first_vector, vectors : int
        Index of the block's first vector in the run, and how many there are.
    begins : int [parts]
        At which vectors its parts begin.
    """
    some = slice(-first_vector % EVERY, vectors, EVERY)
    among = np.maximum(-((some.start - begins) // EVERY), 0)
    return some, np.unique(among[among < len(range(vectors)[some])])


@dataclass(frozen=True, slots=True)
class ReadCounts:
    """Outputs of the ADCs that were looked at, those at a bound, and those less than half a step from zero.

    Attributes
    ----------
    counts : int64 [3]
        The three numbers.
    """

    counts: Counts = field(default_factory=lambda: np.zeros(3, np.int64))

    def note(self, codes: FloatArray, bound: float, step: float) -> None:
        """Look at outputs in units of the ADC; a `step` of 0 does not quantise."""
        magnitudes = np.abs(codes)
        self.counts[0] += codes.size
        self.counts[1] += np.count_nonzero(magnitudes >= bound * (1.0 - 1e-6))
        self.counts[2] += np.count_nonzero(magnitudes < 0.5 * step)

    @property
    def clipped(self) -> float | None:
        """Share of outputs at a bound; None if none was looked at."""
        return self.counts[1] / self.counts[0] if self.counts[0] else None

    @property
    def lost(self) -> float | None:
        """Share of outputs that were rounded to zero; None if none was looked at."""
        return self.counts[2] / self.counts[0] if self.counts[0] else None


@dataclass(frozen=True, slots=True)
class TrainCounts:
    """Vectors whose trains were looked at, and of those that cannot give what is asked of the most active cell: their
    number, the pulses that were asked for there, and the mean pulses that come.

    Attributes
    ----------
    counts : int64 [4]
        The four numbers.
    """

    counts: Counts = field(default_factory=lambda: np.zeros(4, np.int64))

    def note(
        self,
        update: UpdateParameters,
        granularity: float,
        x: FloatArray,
        d: FloatArray,
        learning_rate: float,
        parts: Indices = _WHOLE,
    ) -> None:
        """Look at inputs [V, inputs] and errors [V, outputs] of an update; see `archsim.analog.pulses.PulseTrains`.

        Pulses are rounded for each of the parts that begin there, as if they had been updates of their own.
        """
        x_largest = np.abs(x).max(axis=1, initial=0.0).astype(np.float64)
        d_largest = np.abs(d).max(axis=1, initial=0.0).astype(np.float64)
        asked = abs(learning_rate) * x_largest * d_largest / granularity
        given = np.minimum(asked, update.desired_bl)
        if not update.update_management:
            # Both sides have one factor, and either may reach probability 1.
            factor = np.sqrt(abs(learning_rate) / (granularity * update.desired_bl))
            given = update.desired_bl * np.minimum(factor * x_largest, 1.0) * np.minimum(factor * d_largest, 1.0)
        full = given < asked * (1.0 - 1e-6)
        self.counts[0] += np.count_nonzero(asked)
        self.counts[1] += np.count_nonzero(full)
        for which, pulses in ((2, np.minimum(asked, 1e12)), (3, given)):
            self.counts[which] += int(np.rint(np.add.reduceat(np.where(full, pulses, 0.0), parts)).sum())

    @property
    def full(self) -> float | None:
        """Share of trains that are full; None if none was looked at."""
        return self.counts[1] / self.counts[0] if self.counts[0] else None

    @property
    def asked(self) -> float:
        """Mean pulses that full trains were asked for."""
        return float(self.counts[2] / max(self.counts[1], 1))

    @property
    def given(self) -> float:
        """Mean pulses that they gave."""
        return float(self.counts[3] / max(self.counts[1], 1))


@dataclass(frozen=True, slots=True)
class Samples:
    """What was looked at on one crossbar, or summed over several."""

    forward: ReadCounts = field(default_factory=ReadCounts)
    backward: ReadCounts = field(default_factory=ReadCounts)
    transfer: ReadCounts = field(default_factory=ReadCounts)
    updates: TrainCounts = field(default_factory=TrainCounts)
    writes: TrainCounts = field(default_factory=TrainCounts)

    def arrays(self) -> tuple[Counts, ...]:
        """Return the arrays themselves that count."""
        parts = self.forward, self.backward, self.transfer, self.updates, self.writes
        return tuple(part.counts for part in parts)

    def add(self, other: Samples) -> None:
        """Add what was looked at elsewhere."""
        for mine, its in zip(self.arrays(), other.arrays(), strict=True):
            mine += its

    def restore(self, counts: tuple[Counts, ...]) -> None:
        """Continue from copies of the `arrays` of another."""
        for mine, stored in zip(self.arrays(), counts, strict=True):
            mine[:] = stored
