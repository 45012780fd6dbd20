"""Pulse trains (twin of ``_core/trains.pxi``): here every slot's uniform number is written out."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archsim._core import UPDATE_D, UPDATE_X
from archsim.analog.blocks import FloatArray
from archsim.analog.reference.random import words
from archsim.analog.specification import UpdateParameters

__all__ = ["SIGN", "SLOTS", "pulse_trains", "train_length"]

#: Slots of the longest train, and the bit of a train that holds the sign of the line's value.
SLOTS = 31
SIGN = 0x80000000


def train_length(
    update: UpdateParameters, granularity: float, rate: float, x_max: float, d_max: float
) -> tuple[int, float, float]:
    """Return BL and what |x| and |d| are multiplied with to become probabilities; see `archsim.analog.pulses`."""
    wanted = rate * x_max * (update.um_grad_scale * d_max) / granularity
    if not wanted > 0.0:
        return 0, 0.0, 0.0
    length = update.desired_bl
    if update.update_bl_management:
        length = int(min(math.ceil(wanted), length))
    base = math.sqrt(rate / (granularity * length))
    if not update.update_management:
        return length, base, base
    d_max = update.um_grad_scale * d_max
    if wanted > update.desired_bl:
        d_max = d_max * update.desired_bl / wanted
    ratio = math.sqrt(d_max / x_max)
    return length, base * ratio, base / ratio


def line_trains(
    values: FloatArray, factor: float, length: int, key: int, crossbar: int, purpose: int, vector: int
) -> NDArray[np.uint32]:
    """Return the train of each line: bit k is set where uniform number k of the line is below its probability.

    Bit k of the r-th random word is the r-th binary digit of that number, of which 31 are compared.
    """
    lines = np.arange(len(values))
    digits = np.concatenate([words(lines, key, crossbar, purpose, vector, draw) for draw in range(8)], axis=1)
    probability = np.float32(factor) * np.abs(values)
    limit = (np.minimum(probability, np.float32(1.0)).astype(np.float64) * 2.0**31).astype(np.int64)
    trains = np.where(np.signbit(values), SIGN, 0).astype(np.uint32)
    for slot in range(length):
        number = np.zeros(len(values), np.int64)
        for digit in range(31):
            number = number << 1 | (digits[:, digit] >> np.uint32(slot) & 1)
        trains |= np.where(number < limit, 1 << slot, 0).astype(np.uint32)
    return trains


def pulse_trains(
    update: UpdateParameters,
    granularity: float,
    x: FloatArray,
    d: FloatArray,
    learning_rate: float,
    *,
    key: int,
    crossbar: int,
    first_vector: int,
) -> tuple[NDArray[np.uint32], NDArray[np.uint32], int]:
    """Return the trains of all input lines [V, inputs] and output lines [V, outputs], and the sum of the lengths."""
    x_trains = np.zeros(x.shape, np.uint32)
    d_trains = np.zeros(d.shape, np.uint32)
    slots = 0
    signed = d if learning_rate >= 0 else -d
    for v in range(len(x)):
        x_max, d_max = float(np.abs(x[v]).max()), float(np.abs(d[v]).max())
        length, x_factor, d_factor = train_length(update, granularity, abs(learning_rate), x_max, d_max)
        stream = (key, crossbar)
        x_trains[v] = line_trains(x[v], x_factor, length, *stream, UPDATE_X, first_vector + v)
        d_trains[v] = line_trains(signed[v], d_factor, length, *stream, UPDATE_D, first_vector + v)
        slots += length
    return x_trains, d_trains, slots
