"""A digital buffer that lets go whole pulses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.analog.blocks import FloatArray

__all__ = ["Release"]


@dataclass(frozen=True)
class Release:
    """What happens to a buffer whose value reaches its threshold.

    Attributes
    ----------
    most : int
        Pulses at once.
    momentum : float
        Share that stays in the buffer.
    forget : bool
        Whether the whole value is multiplied by the momentum (so what exceeds the pulses is lost), or the pulses are
        subtracted, times one minus the momentum.
    cap : float
        Where pulses are subtracted, the largest magnitude that stays, in thresholds; 0 for no limit.
    """

    most: int
    momentum: float
    forget: bool
    cap: float = 0.0

    def __call__(self, values: FloatArray, threshold: float) -> FloatArray | None:
        """Return trunc(values / threshold) within +-`most`, None if all are 0; changes `values` in place.

        Parameters
        ----------
        values : float32 [lines]
            The buffer of a line.
        threshold : float
            What one pulse stands for.
        """
        counts = np.trunc(values if threshold == 1.0 else values / np.float32(threshold))
        if not np.count_nonzero(counts):
            return None
        # On the few cells of a line these are several times as fast as a clip and an assignment by mask.
        if self.most == 1:
            np.sign(counts, out=counts)
        else:
            np.minimum(np.maximum(counts, np.float32(-self.most)), np.float32(self.most), out=counts)
        if self.forget:
            kept = values * np.float32(self.momentum)
            np.copyto(values, kept, where=counts != 0)
            return counts
        values -= counts * np.float32((1.0 - self.momentum) * threshold)
        if self.cap > 0.0:
            limit = np.float32(self.cap * threshold)
            np.clip(values, -limit, limit, out=values, where=counts != 0)
        return counts
