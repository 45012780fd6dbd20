"""A digital buffer that lets go whole pulses."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim._core import kernels
from archsim._core.digital import let_go
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

    def __call__(self, values: FloatArray, threshold: float) -> tuple[FloatArray, int]:
        """Take whole thresholds out of `values`, in place.

        Parameters
        ----------
        values : float32 [lines, cells]
            The buffer of some lines.
        threshold : float
            What one pulse stands for.

        Returns
        -------
        counts : float32 [lines, cells]
            trunc(values / threshold) within +-`most`.
        lines : int
            How many lines hold any.
        """
        counts = np.empty_like(values)
        return counts, let_go(values, counts, threshold, self.most, *self._shares(threshold))

    def buffer(self, hidden: FloatArray, signs: FloatArray, **means: Any) -> kernels.LineBuffer:
        """Return a buffer of lines for the core, whose threshold is 1 and which it changes in place."""
        kept, taken, limit = self._shares(1.0)
        return kernels.LineBuffer(hidden, signs, most=self.most, kept=kept, taken=taken, limit=limit, **means)

    def _shares(self, threshold: float) -> tuple[float, float, float]:
        """Return what of a value stays, what each pulse takes, and the largest magnitude that stays."""
        kept, taken = (self.momentum, 0.0) if self.forget else (1.0, (1.0 - self.momentum) * threshold)
        return kept, taken, self.cap * threshold if self.cap > 0.0 and not self.forget else math.inf
