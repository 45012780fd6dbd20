"""What all devices that change by pulses have in common: means, variation, noise and ageing."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from archsim.analog.specification.ranges import NonNegative, Positive
from archsim.specification import Specification

__all__ = ["CellStatistics", "Drift", "PulsedDevice"]


class Drift(Specification):
    """Power-law drift of a weight that is left alone: w(t) = w(0) ((t + t_0) / t_0)**-nu, t in mini-batches."""

    nu: NonNegative = 0.0
    nu_dtod: NonNegative = 0.0
    t_0: Positive = 1.0


class CellStatistics(Specification):
    """How the cells of an array differ, how noisy their pulses are, and what happens to them between mini-batches.

    Fields and defaults of aihwkit's ``PulsedDevice`` (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494).
    """

    kind: str
    dw_min_dtod: NonNegative = 0.3
    dw_min_dtod_log_normal: bool = False
    dw_min_std: NonNegative = 0.3
    w_max_dtod: NonNegative = 0.3
    w_min_dtod: NonNegative = 0.3
    up_down_dtod: NonNegative = 0.01
    write_noise_std: NonNegative = 0.0
    enforce_consistency: bool = True
    perfect_bias: bool = False
    corrupt_devices_prob: Annotated[float, Field(ge=0, le=1)] = 0.0
    corrupt_devices_range: NonNegative = 0.1
    lifetime: NonNegative = 0.0
    lifetime_dtod: NonNegative = 0.0
    diffusion: NonNegative = 0.0
    diffusion_dtod: NonNegative = 0.0
    drift: Drift = Field(default_factory=Drift)
    reset: float = 0.0
    reset_dtod: NonNegative = 0.0
    reset_std: NonNegative = 0.01


class PulsedDevice(CellStatistics):
    """Cells with a mean step and mean bounds."""

    dw_min: Positive = 0.001
    w_max: NonNegative = 0.6
    w_min: Annotated[float, Field(le=0)] = -0.6
    up_down: float = 0.0

    @model_validator(mode="after")
    def _some_range(self) -> PulsedDevice:
        if self.w_max <= self.w_min:
            raise ValueError("w_max must lie above w_min")
        return self
