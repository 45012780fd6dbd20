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
    """A pair of devices, p and m, that only take up pulses (aihwkit ``OneSidedUnitCell``).

        w     = p - m
        up    an up pulse on p
        down  an up pulse on m

    After every `refresh_every` mini-batches (or vectors) all devices are read. A pair whose larger device reads more
    than `refresh_upper_thres` of the mean upper bound of the cells, and its smaller one more than
    `refresh_lower_thres`, is reset, and the difference is written to the larger one by pulses.
    """

    kind: Literal["one-sided"] = "one-sided"
    device: SingleDevice = Field(default_factory=lambda: SoftBounds(w_min=0.0))
    refresh_every: Annotated[int, Field(ge=0)] = 0
    units_in_mbatch: bool = True
    refresh_upper_thres: Annotated[float, Field(ge=0)] = 0.75
    refresh_lower_thres: Annotated[float, Field(ge=0)] = 0.25


class Vector(Specification):
    """Several devices on the same lines whose mean, or weighted sum, is the weight (aihwkit ``VectorUnitCell``).

        w     = sum over k of gamma_vec[k] w_k, or the mean of w_k
        up    an up pulse on all devices, or on the one whose turn it is
        down  a down pulse on the same

    Trains are made for the mean of the devices' steps. So where one device of n takes an update and the weight is their
    mean, it moves by 1 / n of what was asked for.
    """

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
    """A device minus a reference that updates leave alone (aihwkit ``ReferenceUnitCell``).

    With d for the device and r for the reference:

        w     = d - r
        up    an up pulse on d
        down  a down pulse on d
    """

    kind: Literal["reference-cell"] = "reference-cell"
    device: SingleDevice = Field(default_factory=SoftBounds)
    reference: SingleDevice = Field(default_factory=SoftBounds)
