"""Training algorithms: what the arrays of one tile do together."""

from archsim.analog.algorithms.factory import kind_of, make_training_array
from archsim.analog.algorithms.protocol import AlgorithmKind, MakeCrossbar, TileOutline, TrainingArray
from archsim.analog.algorithms.stack import DeviceStack, device_stack
from archsim.analog.algorithms.tile import TileCrossbars, make_tile

__all__ = [
    "AlgorithmKind",
    "DeviceStack",
    "MakeCrossbar",
    "TileCrossbars",
    "TileOutline",
    "TrainingArray",
    "device_stack",
    "kind_of",
    "make_tile",
    "make_training_array",
]
