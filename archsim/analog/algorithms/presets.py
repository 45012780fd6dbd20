"""Training algorithms by name."""

from __future__ import annotations

from archsim.analog.specification.algorithms import AnalogSGDSettings

__all__ = ["analog_sgd"]


def analog_sgd() -> AnalogSGDSettings:
    """Analog SGD: every sample's pulses go to the array that computes (doi:10.3389/fnins.2016.00333)."""
    return AnalogSGDSettings()
