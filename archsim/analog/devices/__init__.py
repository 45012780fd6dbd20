"""What a pulse does to a cell: device populations and the arrays that hold them."""

from archsim.analog.devices.array import DeviceArray, make_array
from archsim.analog.devices.populate import populate
from archsim.analog.devices.population import Population

__all__ = ["DeviceArray", "Population", "make_array", "populate"]
