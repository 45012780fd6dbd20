"""Hardware-aware training by name."""

from __future__ import annotations

from archsim.analog.specification.hardware_aware import HardwareAwareSettings

__all__ = ["hardware_aware", "hardware_aware_standard"]


def hardware_aware() -> HardwareAwareSettings:
    """Exact updates through noisy reads; additive weight noise of 5 % of the largest weight, clipping at 2.5 sigma."""
    return HardwareAwareSettings()


def hardware_aware_standard() -> HardwareAwareSettings:
    """Weights of every output line scaled to 1 and no modifier: the noise is that of the reads.

    What aihwkit's ``StandardHWATrainingPreset`` says of weights; its numbers of converters belong to ``chip.io``.
    """
    return HardwareAwareSettings(modifier=None, clip=None, weight_scaling_omega=1.0, columnwise=True)
