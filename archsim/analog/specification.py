"""What a user says about devices, converters' numbers and pulse trains.

Field names are those of the literature and of aihwkit where one exists.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.specification import Specification

__all__ = [
    "ConstantStep",
    "Device",
    "IOParameters",
    "Ideal",
    "LinearStep",
    "SoftBounds",
    "UpdateParameters",
]

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]


class IOParameters(Specification):
    """How a crossbar's inputs and outputs are converted (the numbers, not the time).

    Resolutions come from ``chip.dac.bits`` and ``chip.adc.bits``: a converter of b bits has the step
    2 * bound / (2**b - 2). Noise values are in units of the input or output range as in Rasch et al. 2021
    (aihwkit ``IOParameters``); the defaults are those of Gokmen & Vlasov, doi:10.3389/fnins.2016.00333.
    """

    is_perfect: bool = False
    inp_bound: Positive = 1.0
    inp_noise: NonNegative = 0.0
    inp_sto_round: bool = False
    out_bound: Positive = 12.0
    out_noise: NonNegative = 0.06
    w_noise: NonNegative = 0.0
    noise_management: Literal["none", "abs-max"] = "abs-max"
    bound_management: Literal["none", "iterative"] = "iterative"
    max_bm_factor: Positive = 1000.0
    max_bm_res: Positive = 0.25
    expected_reads: Annotated[float, Field(ge=1)] = 1.0


class UpdateParameters(Specification):
    """How a pulsed outer-product update is made (aihwkit ``UpdateParameters``)."""

    pulse_type: Literal["stochastic-compressed"] = "stochastic-compressed"
    desired_bl: Annotated[int, Field(ge=1, le=31)] = 31
    update_management: bool = True
    update_bl_management: bool = True
    um_grad_scale: Positive = 1.0
    expected_bl: Annotated[float, Field(gt=0, le=31)] | None = None

    @model_validator(mode="after")
    def _bl_management_needs_management(self) -> UpdateParameters:
        if self.update_bl_management and not self.update_management:
            raise ValueError("update_bl_management needs update_management")
        return self


class Ideal(Specification):
    """An exact update of the weights: no pulses, no bounds, no noise. The digital baseline."""

    kind: Literal["ideal"] = "ideal"


class _PulsedDevice(Specification):
    dw_min: Positive = 0.001
    dw_min_dtod: NonNegative = 0.3
    dw_min_std: NonNegative = 0.3
    w_max: Annotated[float, Field(ge=0)] = 0.6
    w_min: Annotated[float, Field(le=0)] = -0.6
    w_max_dtod: NonNegative = 0.3
    w_min_dtod: NonNegative = 0.3
    up_down: float = 0.0
    up_down_dtod: NonNegative = 0.01

    @model_validator(mode="after")
    def _some_range(self) -> _PulsedDevice:
        if self.w_max <= self.w_min:
            raise ValueError("w_max must lie above w_min")
        return self


class ConstantStep(_PulsedDevice):
    """Every pulse changes the weight by the cell's own constant step."""

    kind: Literal["constant-step"] = "constant-step"


class LinearStep(_PulsedDevice):
    """The step falls linearly with the weight."""

    kind: Literal["linear-step"] = "linear-step"
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_up_dtod: NonNegative = 0.05
    gamma_down_dtod: NonNegative = 0.05
    allow_increasing: bool = False
    mult_noise: bool = True
    mean_bound_reference: bool = True


class SoftBounds(_PulsedDevice):
    """The step falls linearly to zero at the cell's own bound (LinearStep with unit slope)."""

    kind: Literal["soft-bounds"] = "soft-bounds"
    mult_noise: bool = True


Device = Annotated[Ideal | ConstantStep | LinearStep | SoftBounds, Field(discriminator="kind")]
