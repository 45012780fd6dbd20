"""What a user says about devices: one specification for each kind."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.analog.specification.devices.compositions import OneSided, ReferenceCell, Vector
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
from archsim.specification import OpenUnion, Specification

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
    "OneSided",
    "PiecewiseStep",
    "PowStep",
    "PowStepReference",
    "PowerResponse",
    "PulsedDevice",
    "ReferenceCell",
    "SoftBounds",
    "SoftBoundsPmax",
    "SoftBoundsReference",
    "Vector",
]


class Ideal(Specification):
    """An exact update of the weights, the digital baseline: no pulses, no bounds, no noise.

    In float32, vector after vector:

        W <- W - lr d x^T
    """

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
    | ExponentialResponse
    | OneSided
    | Vector
    | ReferenceCell,
    Field(discriminator="kind"),
    OpenUnion("archsim.device_kinds"),
]
