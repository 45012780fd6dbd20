"""Several devices that hold one weight together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.devices.curves import ExpStep, PiecewiseStep, PowStep, PowStepReference
from archsim.analog.specification.devices.responses import ExponentialResponse, LinearResponse, PowerResponse
from archsim.analog.specification.devices.steps import (
    ConstantStep,
    LinearStep,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from archsim.specification import OpenUnion, Specification

__all__ = ["OneSided", "ReferenceCell", "SingleDevice", "Vector"]

SingleDevice = Annotated[
    ConstantStep
    | LinearStep
    | SoftBounds
    | SoftBoundsReference
    | SoftBoundsPmax
    | ExpStep
    | PowStep
    | PowStepReference
    | PiecewiseStep
    | LinearResponse
    | PowerResponse
    | ExponentialResponse,
    Field(discriminator="kind"),
    OpenUnion("archsim.device_kinds", without=("ideal", "one-sided", "vector", "reference-cell")),
]


class OneSided(Specification):
    """A pair of devices that only take up pulses: the weight is their difference (aihwkit ``OneSidedUnitCell``).

    Where both have come far, a refresh reads the pair, resets it and writes the difference anew.
    """

    kind: Literal["one-sided"] = "one-sided"
    device: SingleDevice = Field(default_factory=lambda: SoftBounds(w_min=0.0))
    refresh_every: Annotated[int, Field(ge=0)] = 0
    units_in_mbatch: bool = True
    refresh_upper_thres: Annotated[float, Field(ge=0)] = 0.75
    refresh_lower_thres: Annotated[float, Field(ge=0)] = 0.25


class Vector(Specification):
    """Several devices whose mean, or weighted sum, is the weight (aihwkit ``VectorUnitCell``)."""

    kind: Literal["vector"] = "vector"
    devices: Annotated[tuple[SingleDevice, ...], Field(min_length=1)] = (SoftBounds(), SoftBounds())
    update_policy: Literal["all", "single-fixed", "single-sequential", "single-random"] = "all"
    first_update_idx: Annotated[int, Field(ge=0)] = 0
    gamma_vec: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _fits(self) -> Vector:
        if self.first_update_idx >= len(self.devices):
            raise ValueError("first_update_idx must be the position of a device")
        if self.gamma_vec is not None and len(self.gamma_vec) != len(self.devices):
            raise ValueError("gamma_vec needs one number for each device")
        if self.gamma_vec is not None and not any(self.gamma_vec):
            raise ValueError("gamma_vec must not be all zero")
        return self


class ReferenceCell(Specification):
    """A device minus a reference that updates leave alone (aihwkit ``ReferenceUnitCell``)."""

    kind: Literal["reference-cell"] = "reference-cell"
    device: SingleDevice = Field(default_factory=SoftBounds)
    reference: SingleDevice = Field(default_factory=SoftBounds)
