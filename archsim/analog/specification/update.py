"""What a user says about pulse trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from archsim.analog.specification.ranges import NonNegative, Positive
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

    @field_validator("expected_bl")
    @classmethod
    def _within_the_longest(cls, value: float | None, info: ValidationInfo) -> float | None:
        longest = info.data.get("desired_bl")
        if value is not None and longest is not None and value > longest:
            raise ValueError(f"no train is longer than desired_bl, which is {longest}: expect {longest} slots or less")
        return value

    @model_validator(mode="after")
    def _bl_management_needs_management(self) -> UpdateParameters:
        if self.update_bl_management and not self.update_management:
            raise ValueError("update_bl_management needs update_management")
        if self.pulse_type in ("mean-count", "deterministic-implicit") and self.desired_bl > MOST_COUNTED:
            raise ValueError(f"with pulse_type {self.pulse_type}, desired_bl is at most {MOST_COUNTED}")
        return self

    @property
    def sends_trains(self) -> bool:
        """Whether there are any pulse trains."""
        return self.pulse_type != "none-with-device"

    @property
    def expected_length(self) -> float:
        """Mean slots of a vector's trains: a fixed length as it is, else what is expected; 0 without trains."""
        if not self.sends_trains:
            return 0
        return self.desired_bl if self.has_fixed_length or self.expected_bl is None else self.expected_bl

    @property
    def has_fixed_length(self) -> bool:
        """Whether all trains that are not empty are equally long, whatever the numbers are."""
        return not self.update_bl_management or self.desired_bl == 1
