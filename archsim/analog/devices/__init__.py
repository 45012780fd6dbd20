"""What a pulse does to a cell: device populations and the arrays that hold them."""

from archsim.analog.devices.device_array import (
    DeviceArray,
    DeviceKind,
    Site,
    devices_per_cell,
    devices_written,
    make_array,
    refresh_of,
    takes_pulses,
)
from archsim.analog.devices.populate import populate
from archsim.analog.devices.population import Population

__all__ = [
    "DeviceArray",
    "DeviceKind",
    "Population",
    "Site",
    "devices_per_cell",
    "devices_written",
    "make_array",
    "populate",
    "refresh_of",
    "takes_pulses",
]
