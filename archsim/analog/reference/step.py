"""What pulses do to cells (twin of ``_core/step.pxi``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim._core import UPDATE_CELL
from archsim.analog.blocks import FloatArray
from archsim.analog.devices.population import Population
from archsim.analog.reference.random import normals, words
from archsim.analog.reference.trains import SIGN, SLOTS

__all__ = ["apply_trains", "exact_update"]


def apply_trains(
    weights: FloatArray,
    population: Population,
    x_trains: NDArray[np.uint32],
    d_trains: NDArray[np.uint32],
    *,
    key: int,
    crossbar: int,
    first_vector: int,
) -> tuple[FloatArray, int]:
    """Return the weights after the trains of a block of vectors, and the number of device pulses."""
    w = weights.reshape(-1).copy()
    pulses = 0
    for v, (x, d) in enumerate(zip(x_trains, d_trains, strict=True)):
        meet = d[:, None] & x[None, :] & np.uint32(SIGN - 1)
        counts = np.sum([meet >> np.uint32(slot) & 1 for slot in range(SLOTS)], axis=0).reshape(-1)
        up = ((d[:, None] ^ x[None, :]) & np.uint32(SIGN)).reshape(-1) != 0
        for pulse in range(int(counts.max(initial=0))):
            cells = np.flatnonzero(counts > pulse)
            noise = normals(words(cells, key, crossbar, UPDATE_CELL, first_vector + v, draw=pulse // 4))[:, pulse % 4]
            w[cells] = one_pulse(w[cells], population.cells[cells], up[cells], noise, population)
        pulses += int(counts.sum())
    return w.reshape(weights.shape), pulses


def one_pulse(
    w: FloatArray, cells: FloatArray, up: NDArray[np.bool_], noise: FloatArray, population: Population
) -> FloatArray:
    """Return the weights of some cells after one pulse each, clipped to each cell's bounds."""
    step = np.where(up, cells[:, 0], cells[:, 2])
    slope = np.where(up, cells[:, 1], cells[:, 3])
    z = np.float32(1.0) + np.float32(population.deviation) * noise
    dw = (slope * w + step) * z if population.multiplicative else slope * w + step * z
    return np.clip(w + dw, cells[:, 4], cells[:, 5])


def exact_update(weights: FloatArray, x: FloatArray, d: FloatArray, learning_rate: float) -> FloatArray:
    """Return W - learning_rate d x^T, one vector after the other, in float32."""
    w = weights.copy()
    for xv, dv in zip(x, d, strict=True):
        w = w - (np.float32(learning_rate) * dv)[:, None] * xv[None, :]
    return w
