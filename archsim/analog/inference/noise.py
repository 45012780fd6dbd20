"""What conductances do after they were programmed: the protocol, and which class follows which specification."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from archsim.analog.inference.draws import Array
from archsim.analog.inference.pcm import PCMNoise
from archsim.analog.inference.reram import ReRAMNoise
from archsim.analog.specification.inference import ConductanceNoise, PCMLike

__all__ = ["NoiseModel", "make_noise", "program_once"]


class NoiseModel(Protocol):
    """The noise of a kind of device. Conductances are in uS, float64 of any shape."""

    def programming_std(self, targets: Array) -> Array:
        """Return the standard deviation of the programming error."""

    def exponents(self, targets: Array, xi: Array) -> Array:
        """Return the drift exponent of every conductance from a standard normal number: fixed when programmed."""

    def conductances(self, targets: Array, programmed: Array, exponents: Array, time_s: float, xi: Array) -> Array:
        """Return what a read sees `time_s` after programming, from fresh standard normal numbers."""


def make_noise(specification: ConductanceNoise) -> NoiseModel:
    """Return the noise model of a specification."""
    return PCMNoise(specification) if isinstance(specification, PCMLike) else ReRAMNoise(specification)


def program_once(noise: NoiseModel, targets: Array, xi: Array) -> Array:
    """Return max(g + sigma(g) xi, 0): conductances as programming leaves them."""
    return np.maximum(targets + noise.programming_std(targets) * xi, 0.0)
