"""What a user says about pulse trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.numbers import Positive
from archsim.specification import Specification

__all__ = ["UpdateParameters"]


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
