"""What is drawn for the cells of every pulsed device: bounds, steps, and which cells are stuck."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from archsim._core import POPULATION, kernels
from archsim.analog.specification import PulsedDevice, SoftBoundsPmax

__all__ = ["BASICS", "RETENTION", "SHAPE", "STUCK", "Cells", "Doubles", "Draws", "PulsedCells", "draw_cells"]

Doubles = NDArray[np.float64]

#: What tells the means and variations of cells.
PulsedCells = PulsedDevice | SoftBoundsPmax

#: Draws of a cell: bounds and steps; what shapes its steps; its life between mini-batches; whether it is stuck.
BASICS, SHAPE, RETENTION, STUCK = range(4)


@dataclass(frozen=True)
class Draws:
    """The random numbers of the cells of one array; a cell's numbers depend on nothing but its position.

    Attributes
    ----------
    outputs, inputs : int
        Size of the array.
    identity : int
        Which array of the run this is.
    seed : int
        Seed of all device populations.
    """

    outputs: int
    inputs: int
    identity: int
    seed: int

    def normals(self, draw: int) -> Doubles:
        """Return four standard normal numbers of each cell, [4, cells]."""
        numbers = np.empty((self.outputs * self.inputs, 4), np.float32)
        kernels.normals(numbers, self.seed, self.identity, POPULATION, 0, 0, draw, 0)
        return numbers.astype(np.float64).T

    def uniforms(self, draw: int) -> Doubles:
        """Return four numbers of each cell that are uniform in 0..1, [4, cells]."""
        uniforms: Doubles = ndtr(self.normals(draw))
        return uniforms


@dataclass(frozen=True)
class Cells:
    """Bounds of each cell, and the sizes of its up and its down pulse as every device draws them.

    Sizes are not negative where consistency is enforced. A stuck cell has equal bounds and sizes of 0.
    """

    w_max: Doubles
    w_min: Doubles
    up: Doubles
    down: Doubles

    @property
    def two_sided(self) -> NDArray[np.bool_]:
        """Which cells have zero between their bounds."""
        return (self.w_max > 0.0) & (self.w_min < 0.0)


def draw_cells(device: PulsedCells, draws: Draws) -> Cells:
    """Draw bounds and pulse sizes.

    Equations of aihwkit's pulsed devices (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494). With standard
    normal N of each cell: w_max (1 + w_max_dtod N), w_min (1 + w_min_dtod N); gain g = 1 + dw_min_dtod N, or
    exp(dw_min_dtod N); asymmetry r = up_down_dtod N; up pulse (g + r + min(up_down, 0)) dw_min, down pulse
    (g - r - max(up_down, 0)) dw_min. With consistency, pulses are taken by magnitude and bounds are put on their sides
    of zero; without it, bounds that come out in the wrong order meet in their middle. Corrupt cells are stuck at a
    weight that is uniform within both their bounds and the range of corrupt cells. With a perfect bias the cells of the
    last input line have pulses of dw_min and a hundred times the mean bounds.
    """
    n = draws.normals(BASICS)
    w_max = device.w_max * (1.0 + device.w_max_dtod * n[0])
    w_min = device.w_min * (1.0 + device.w_min_dtod * n[1])
    varied = device.dw_min_dtod * n[2]
    gain = np.exp(varied) if device.dw_min_dtod_log_normal else 1.0 + varied
    asymmetry = device.up_down_dtod * n[3]
    up = (gain + asymmetry + min(device.up_down, 0.0)) * device.dw_min
    down = (gain - asymmetry - max(device.up_down, 0.0)) * device.dw_min
    if device.enforce_consistency:
        cells = Cells(np.abs(np.maximum(w_max, w_min)), -np.abs(np.minimum(w_max, w_min)), np.abs(up), np.abs(down))
    else:
        middle = 0.5 * (w_max + w_min)
        cells = Cells(np.maximum(w_max, middle), np.minimum(w_min, middle), up, down)
    if device.corrupt_devices_prob > 0.0:
        cells = _with_stuck(cells, device, draws.uniforms(STUCK))
    return _with_perfect_bias(cells, device, draws) if device.perfect_bias else cells


def _with_stuck(cells: Cells, device: PulsedCells, uniforms: Doubles) -> Cells:
    stuck = uniforms[0] < device.corrupt_devices_prob
    low = np.maximum(cells.w_min, -device.corrupt_devices_range)
    high = np.minimum(cells.w_max, device.corrupt_devices_range)
    at = low + (high - low) * uniforms[1]
    return Cells(
        np.where(stuck, at, cells.w_max),
        np.where(stuck, at, cells.w_min),
        np.where(stuck, 0.0, cells.up),
        np.where(stuck, 0.0, cells.down),
    )


def _with_perfect_bias(cells: Cells, device: PulsedCells, draws: Draws) -> Cells:
    bias = np.arange(len(cells.up)) % draws.inputs == draws.inputs - 1
    return replace(
        cells,
        w_max=np.where(bias, 100.0 * device.w_max, cells.w_max),
        w_min=np.where(bias, 100.0 * device.w_min, cells.w_min),
        up=np.where(bias, device.dw_min, cells.up),
        down=np.where(bias, device.dw_min, cells.down),
    )
