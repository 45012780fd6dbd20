"""What a crossbar does to numbers: converters, device populations, pulsed updates, training algorithms."""

from archsim._core import EVALUATE
from archsim.analog.crossbar import Crossbar
from archsim.analog.observed import Read, Update
from archsim.analog.threads import Workers

__all__ = ["EVALUATE", "Crossbar", "Read", "Update", "Workers"]
