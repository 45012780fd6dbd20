"""How many devices of a tile hold, read and learn one weight: those of its cells, times its arrays."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.analog.algorithms.factory import kind_of
from archsim.analog.devices import devices_per_cell, devices_written
from archsim.analog.specification import Device, Ideal
from archsim.analog.specification.algorithms import DigitalSGDSettings
from archsim.specification import Specification

__all__ = ["DeviceStack", "device_stack"]


@dataclass(frozen=True, slots=True)
class DeviceStack:
    """The devices behind one weight of a tile.

    Attributes
    ----------
    built : int
        All of them, over all arrays of the training algorithm.
    read : int
        Those that a forward or transposed read meets: of the last array, or of all arrays where the network sees
        their weighted sum (gamma above 0).
    written : int
        Those that the trains of a gradient reach: of the first array.
    """

    built: int
    read: int
    written: int


def device_stack(settings: Specification, device: Device) -> DeviceStack:
    """Return the devices behind one weight under a training algorithm.

    Parameters
    ----------
    settings : Specification
        Of the algorithm; a ``fast_device`` is that of its first array, ``gamma`` says whether reads see all arrays.
    device : Device
        Of the arrays for which the algorithm names none.
    """
    own = Ideal() if isinstance(settings, DigitalSGDSettings) else device
    arrays = kind_of(settings).arrays(settings)
    first: Device = (getattr(settings, "fast_device", None) or own) if arrays > 1 else own
    built = devices_per_cell(first) + (arrays - 1) * devices_per_cell(own)
    joint = arrays > 1 and bool(getattr(settings, "gamma", 0.0))
    return DeviceStack(built, built if joint else devices_per_cell(own), devices_written(first))
