"""Hardware-aware training by name."""

from __future__ import annotations

from archsim.analog.specification.hardware_aware import HardwareAwareSettings

__all__ = ["hardware_aware"]


def hardware_aware() -> HardwareAwareSettings:
    """Exact updates through noisy reads; additive weight noise of 5 % of the largest weight, clipping at 2.5 sigma."""
    return HardwareAwareSettings()
