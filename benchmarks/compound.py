"""The transfer algorithms that are measured: arrays of resistive memory, as training makes them."""

from __future__ import annotations

import numpy as np

from archsim import make_tile
from archsim.analog.algorithms import TrainingArray
from archsim.analog.algorithms.presets import agad_reram, c_ttv2_reram, tiki_taka, ttv2_reram
from archsim.analog.periphery import Streams
from archsim.analog.presets import reram_sb

__all__ = ["COMPOUNDS", "MINI_BATCH", "make"]

#: Vectors of an update.
MINI_BATCH = 32

#: Algorithms by the names of aihwkit's presets; all of them on its ``ReRamSBPresetDevice``.
COMPOUNDS = {
    "TikiTakaReRamSB": tiki_taka,
    "TTv2ReRamSB": ttv2_reram,
    "ChoppedTTv2ReRamSB": c_ttv2_reram,
    "AGADReRamSB": agad_reram,
}


def make(name: str, size: int) -> TrainingArray:
    """Return the arrays of a tile of size x size cells, with weights from U(-1, 1) / sqrt(size)."""
    array = make_tile(
        COMPOUNDS[name](), reram_sb(), size, size, mini_batch=MINI_BATCH, streams=Streams(noise_seed=2)
    ).array
    array.program(np.random.default_rng(4).uniform(-1, 1, (size, size)) / np.sqrt(size))
    return array
