"""Device-to-device variation: every cell's own steps and bounds, drawn once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsim._core import POPULATION, kernels
from archsim.analog.blocks import FloatArray, aligned_zeros
from archsim.analog.specification import ConstantStep, LinearStep, SoftBounds
from archsim.errors import InputError

__all__ = ["CELL_NUMBERS", "Population", "populate"]

#: Numbers a cell: up step at weight 0, its slope, down step at weight 0, its slope, w_min, w_max, and two that pad a
#: cell to half a cache line. Down steps are negative: they are what a down pulse adds.
CELL_NUMBERS = 8

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Population:
    """The cells of an array.

    Attributes
    ----------
    cells : float32 [outputs * inputs, 8]
        See `CELL_NUMBERS`.
    granularity : float
        Mean weight change of one pulse, which pulse trains are made for.
    deviation : float
        Cycle-to-cycle noise of a pulse, relative to its step.
    multiplicative : bool
        Whether that noise scales with the step at the present weight, or with the step at weight 0.
    """

    cells: FloatArray
    granularity: float
    deviation: float
    multiplicative: bool


@dataclass(frozen=True)
class _Basics:
    """What every pulsed device draws: bounds and steps of each cell."""

    w_max: Doubles
    w_min: Doubles
    up: Doubles
    down: Doubles


def populate(
    device: ConstantStep | LinearStep | SoftBounds, outputs: int, inputs: int, identity: int, seed: int
) -> Population:
    """Draw the cells of an array.

    Equations of aihwkit's pulsed devices (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494): with standard
    normal N of each cell, w_max (1 + w_max_dtod N), w_min (1 + w_min_dtod N), gain g = 1 + dw_min_dtod N, asymmetry
    r = up_down_dtod N, up step (g + r + min(up_down, 0)) dw_min, down step (g - r - max(up_down, 0)) dw_min; steps and
    bounds are made consistent in sign.

    Parameters
    ----------
    device : ConstantStep, LinearStep or SoftBounds
        Means and variations.
    outputs, inputs : int
        Size of the array.
    identity : int
        Which crossbar of the run this is.
    seed : int
        Seed of all device populations.
    """
    count = outputs * inputs
    basics = _draw_basics(device, _normals(count, identity, seed, 0))
    cells = aligned_zeros(count, CELL_NUMBERS)
    up_slope, down_slope = _slopes(device, basics, identity, seed)
    for column, numbers in enumerate((basics.up, up_slope, -basics.down, -down_slope, basics.w_min, basics.w_max)):
        cells[:, column] = numbers
    multiplicative = True if isinstance(device, ConstantStep) else device.mult_noise
    return Population(cells, device.dw_min, device.dw_min_std, multiplicative)


def _normals(count: int, identity: int, seed: int, draw: int) -> FloatArray:
    numbers = np.empty((count, 4), np.float32)
    kernels.normals(numbers, seed, identity, POPULATION, 0, 0, draw, 0)
    return numbers


def _draw_basics(device: ConstantStep | LinearStep | SoftBounds, normals: FloatArray) -> _Basics:
    n = normals.astype(np.float64).T
    w_max = device.w_max * (1.0 + device.w_max_dtod * n[0])
    w_min = device.w_min * (1.0 + device.w_min_dtod * n[1])
    gain = 1.0 + device.dw_min_dtod * n[2]
    asymmetry = device.up_down_dtod * n[3]
    up = np.abs(gain + asymmetry + min(device.up_down, 0.0)) * device.dw_min
    down = np.abs(gain - asymmetry - max(device.up_down, 0.0)) * device.dw_min
    return _Basics(np.abs(np.maximum(w_max, w_min)), -np.abs(np.minimum(w_max, w_min)), up, down)


def _slopes(
    device: ConstantStep | LinearStep | SoftBounds, basics: _Basics, identity: int, seed: int
) -> tuple[Doubles, Doubles]:
    """Return how the up and the down step change with the weight."""
    if isinstance(device, ConstantStep):
        return np.zeros_like(basics.up), np.zeros_like(basics.down)
    if device.w_max == 0.0 or device.w_min == 0.0:
        raise InputError(
            "a step that depends on the weight needs bounds on both sides of zero",
            field="device",
            value=(device.w_min, device.w_max),
            allowed="w_min < 0 < w_max",
        )
    if isinstance(device, SoftBounds):
        return -basics.up / basics.w_max, -basics.down / basics.w_min
    n = _normals(len(basics.up), identity, seed, 1).astype(np.float64).T
    gamma_up = device.gamma_up + device.gamma_up_dtod * n[0]
    gamma_down = device.gamma_down + device.gamma_down_dtod * n[1]
    if not device.allow_increasing:
        gamma_up, gamma_down = np.abs(gamma_up), np.abs(gamma_down)
    if device.mean_bound_reference:
        return -gamma_up * basics.up / device.w_max, -gamma_down * basics.down / device.w_min
    return -gamma_up * basics.up / basics.w_max, -gamma_down * basics.down / basics.w_min
