"""What a user says about pulse trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.numbers import NonNegative, Positive
from archsim.specification import Specification

__all__ = ["UpdateParameters"]

#: Pulses of one vector that a cell can be given where they are counted and not sent in slots.
MOST_COUNTED = 31


class UpdateParameters(Specification):
    """How a pulsed outer-product update is made (aihwkit ``UpdateParameters``)."""

    pulse_type: Literal[
        "stochastic-compressed", "stochastic-reuse", "mean-count", "deterministic-implicit", "none-with-device"
    ] = "stochastic-compressed"
    desired_bl: Annotated[int, Field(ge=1, le=1024)] = 31
    update_management: bool = True
    update_bl_management: bool = True
    um_grad_scale: Positive = 1.0
    res: NonNegative = 0.0
    x_res_implicit: NonNegative = 0.0
    d_res_implicit: NonNegative = 0.0
    pulse_by_pulse: bool = False
    expected_bl: Annotated[float, Field(gt=0, le=1024)] | None = None

    @model_validator(mode="after")
    def _bl_management_needs_management(self) -> UpdateParameters:
        if self.update_bl_management and not self.update_management:
            raise ValueError("update_bl_management needs update_management")
        if self.pulse_type in ("mean-count", "deterministic-implicit") and self.desired_bl > MOST_COUNTED:
            raise ValueError(f"with pulse_type {self.pulse_type}, desired_bl is at most {MOST_COUNTED}")
        return self
