"""What a user says about devices, converters' numbers and pulse trains.

Field names are those of the literature and of aihwkit where one exists.
"""

from archsim.analog.specification.algorithms import Algorithm, AnalogSGDSettings
from archsim.analog.specification.converters import IOParameters, SingleReadIO
from archsim.analog.specification.devices import (
    ConstantStep,
    Device,
    Drift,
    ExponentialResponse,
    ExpStep,
    Ideal,
    LinearResponse,
    LinearStep,
    OneSided,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
    PulsedDevice,
    ReferenceCell,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
    Vector,
)
from archsim.analog.specification.update import UpdateParameters

__all__ = [
    "Algorithm",
    "AnalogSGDSettings",
    "ConstantStep",
    "Device",
    "Drift",
    "ExpStep",
    "ExponentialResponse",
    "IOParameters",
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
    "SingleReadIO",
    "SoftBounds",
    "SoftBoundsPmax",
    "SoftBoundsReference",
    "UpdateParameters",
    "Vector",
]
