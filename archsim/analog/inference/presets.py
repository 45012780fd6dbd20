"""Hardware-aware training by name."""

from __future__ import annotations

from archsim.analog.specification.hardware_aware import HardwareAwareSettings

__all__ = ["hardware_aware", "hardware_aware_standard"]


def hardware_aware() -> HardwareAwareSettings:
    """Exact updates through reads with three times the programming noise of phase-change memory.

    The weights of every output line are scaled to 1 (Rasch et al. 2023, arXiv:2302.08469).
    """
    return HardwareAwareSettings()


def hardware_aware_standard() -> HardwareAwareSettings:
    """Weights of every output line scaled to 1 and no modifier: the noise is that of the reads.

    What aihwkit's ``StandardHWATrainingPreset`` says of weights; its numbers of converters belong to ``chip.io``.
    """
    return HardwareAwareSettings(modifier=None)
