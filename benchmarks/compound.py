"""The transfer algorithms that are measured: arrays of resistive memory, as training makes them."""

from __future__ import annotations

import numpy as np

from archsim.analog import Crossbar, Workers
from archsim.analog.algorithms import TrainingArray, make_training_array
from archsim.analog.algorithms.presets import agad_reram, c_ttv2_reram, tiki_taka, ttv2_reram
from archsim.analog.presets import reram_sb
from archsim.analog.specification import Device, IOParameters, UpdateParameters

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
    workers = Workers(1)

    def make_crossbar(
        index: int,
        device: Device | None = None,
        update: UpdateParameters | None = None,
        transfer_io: IOParameters | None = None,
        transfer_update: UpdateParameters | None = None,
    ) -> Crossbar:
        return Crossbar(
            size,
            size,
            device or reram_sb(),
            IOParameters(),
            IOParameters(),
            update or UpdateParameters(),
            dac_bits=7,
            adc_bits=9,
            identity=index,
            device_seed=1,
            noise_seed=2,
            transfer_io=transfer_io,
            transfer_update=transfer_update or UpdateParameters(),
            workers=workers,
        )

    array = make_training_array(COMPOUNDS[name](), make_crossbar, size, size, mini_batch=MINI_BATCH, seed=2, identity=0)
    array.program(np.random.default_rng(4).uniform(-1, 1, (size, size)) / np.sqrt(size))
    return array
