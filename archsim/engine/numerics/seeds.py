"""The seeds of a run: devices, noise, data and initial weights are drawn independently."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Seeds"]


@dataclass(frozen=True, slots=True)
class Seeds:
    """Four independent seeds.

    Attributes
    ----------
    device : int
        Device populations.
    noise : int
        Converters, pulses and cycle-to-cycle noise.
    data : int
        Order of the samples.
    weights : int
        Initial weights.
    """

    device: int
    noise: int
    data: int
    weights: int

    @classmethod
    def derive(cls, seed: int, device: int | None, noise: int | None, data: int | None) -> Seeds:
        """Derive what is not given from the run's seed."""
        device_0, noise_0, data_0, weights = (int(s) for s in np.random.SeedSequence(seed).generate_state(4, np.uint64))
        return cls(
            device_0 if device is None else device,
            noise_0 if noise is None else noise,
            data_0 if data is None else data,
            weights,
        )
