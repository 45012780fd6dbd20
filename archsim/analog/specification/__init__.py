"""What a user says about devices, converters' numbers and pulse trains.

Field names are those of the literature and of aihwkit where one exists.
"""

from archsim.analog.specification.algorithms import Algorithm, AnalogSGDSettings
from archsim.analog.specification.devices import ConstantStep, Device, Ideal, LinearStep, SoftBounds
from archsim.analog.specification.io import IOParameters
from archsim.analog.specification.update import UpdateParameters

__all__ = [
    "Algorithm",
    "AnalogSGDSettings",
    "ConstantStep",
    "Device",
    "IOParameters",
    "Ideal",
    "LinearStep",
    "SoftBounds",
    "UpdateParameters",
]
