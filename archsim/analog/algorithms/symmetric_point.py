"""Symmetric points of devices: where an up and a down pulse cancel, and how to find them by pulses."""

from __future__ import annotations

from typing import Literal

import numpy as np

from archsim._core import SEARCH
from archsim.analog.algorithms.uniforms import Uniforms
from archsim.analog.blocks import FloatArray
from archsim.analog.crossbar import Crossbar
from archsim.errors import InputError

__all__ = ["estimate_symmetric_point"]


def estimate_symmetric_point(
    crossbar: Crossbar,
    pulses: int,
    *,
    order: Literal["cyclic", "random"] = "cyclic",
    seed: int = 0,
    identity: int = 0,
    first_vector: int = 0,
) -> FloatArray:
    """Drive every cell to its symmetric point by pulses, and return the weights that it then holds.

    Zero-shifting (arXiv:1907.10228). A pair of an up and a down pulse moves a soft-bounds cell with bounds +-tau by the
    factor 1 - 2 dw / tau towards its symmetric point, so the error decays exponentially down to the size of a pulse;
    with signs at random it follows the same mean and ends in fluctuations of the order of sqrt(dw). About 1 / dw pulses
    are needed for a given error (arXiv:2602.21321). The cells are left where they are.

    Parameters
    ----------
    crossbar : Crossbar
        Pulsed devices.
    pulses : int
        Pulses for each cell.
    order : {'cyclic', 'random'}
        Up and down in turn, ending with a down pulse for an even number; or a random sign for each cell and pulse.
    seed, identity : int
        Key the random signs.
    first_vector : int
        Index of the first of ``pulses * inputs`` writes: keys the devices' noise.

    Returns
    -------
    float32 [outputs, inputs]
        The estimate.
    """
    if pulses < 0:
        raise InputError("a number of pulses must not be negative", field="pulses", value=pulses)
    rows = np.arange(crossbar.inputs)
    uniforms = Uniforms(seed, identity, SEARCH)
    for k in range(pulses):
        if order == "cyclic":
            counts = np.full((crossbar.inputs, crossbar.outputs), 1 if k % 2 == 0 else -1)
        else:
            up = uniforms.rows(first_vector + k, 1, crossbar.inputs * crossbar.outputs) < 0.5
            counts = np.where(up, 1, -1).reshape(crossbar.inputs, crossbar.outputs)
        crossbar.pulse(rows, counts, first_vector + k * crossbar.inputs)
    return crossbar.weights.copy()
