"""What a user says about devices: one specification for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.analog.specification.devices.curves import ExpStep, PiecewiseStep, PowStep, PowStepReference
from archsim.analog.specification.devices.pulsed import CellStatistics, Drift, PulsedDevice
from archsim.analog.specification.devices.responses import ExponentialResponse, LinearResponse, PowerResponse
from archsim.analog.specification.devices.steps import (
    ConstantStep,
    LinearStep,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)
from archsim.specification import Specification

__all__ = [
    "CellStatistics",
    "ConstantStep",
    "Device",
    "Drift",
    "ExpStep",
    "ExponentialResponse",
    "Ideal",
    "LinearResponse",
    "LinearStep",
    "PiecewiseStep",
    "PowStep",
    "PowStepReference",
    "PowerResponse",
    "PulsedDevice",
    "SoftBounds",
    "SoftBoundsPmax",
    "SoftBoundsReference",
]


class Ideal(Specification):
    """An exact update of the weights: no pulses, no bounds, no noise. The digital baseline."""

    kind: Literal["ideal"] = "ideal"


Device = Annotated[
    Ideal
    | ConstantStep
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
]
