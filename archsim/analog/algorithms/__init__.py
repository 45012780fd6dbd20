"""Training algorithms: what the arrays of one tile do together."""

from archsim.analog.algorithms.factory import kind_of
from archsim.analog.algorithms.protocol import (
    AlgorithmKind,
    HoldsVelocity,
    MakeCrossbar,
    StatesAccumulator,
    TileOutline,
    TileSite,
    TrainingArray,
)
from archsim.analog.algorithms.stack import DeviceStack, device_stack
from archsim.analog.algorithms.tile import TileCrossbars

__all__ = [
    "AlgorithmKind",
    "DeviceStack",
    "HoldsVelocity",
    "MakeCrossbar",
    "StatesAccumulator",
    "TileCrossbars",
    "TileOutline",
    "TileSite",
    "TrainingArray",
    "device_stack",
    "kind_of",
]
