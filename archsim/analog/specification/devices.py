"""What a user says about devices."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.numbers import NonNegative, Positive
from archsim.specification import Specification

__all__ = ["ConstantStep", "Device", "Ideal", "LinearStep", "SoftBounds"]


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
