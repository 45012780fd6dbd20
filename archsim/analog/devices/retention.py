"""What is drawn for a cell's life between mini-batches: decay, diffusion, drift and where a reset leads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from archsim.analog.blocks import FloatArray
from archsim.analog.devices.draw import RETENTION, Doubles, Draws
from archsim.analog.specification.devices import CellStatistics

__all__ = ["Retention", "draw_retention"]


@dataclass(frozen=True)
class Retention:
    """How cells change while nobody writes them. Every array is float32 [cells], or [1] where all cells are alike.

    Attributes
    ----------
    remaining : float32
        Part of the distance to `rest` that a mini-batch leaves; 1 without decay.
    diffusion : float32
        Standard deviation of the random step of a mini-batch, a weight.
    rest : float32
        Where decay and a reset lead, a weight.
    drift : float32
        Exponent nu of the power law; not negative.
    drift_t0 : float
        Time constant of the power law, in mini-batches.
    reset_std : float
        Standard deviation of a reset, a weight.
    """

    remaining: FloatArray
    diffusion: FloatArray
    rest: FloatArray
    drift: FloatArray
    drift_t0: float
    reset_std: float

    @classmethod
    def still(cls) -> Retention:
        """Return the life of cells that keep what they hold, and are reset to zero exactly."""
        zero = np.zeros(1, np.float32)
        return cls(np.ones(1, np.float32), zero, zero, zero, 1.0, 0.0)


def draw_retention(device: CellStatistics, draws: Draws, shift: Doubles | None = None) -> Retention:
    """Draw the life of each cell.

    With standard normal N of each cell (aihwkit's pulsed devices): a mini-batch leaves 1 - 1 / t of the distance to
    rest, t = lifetime (1 + lifetime_dtod N), nothing where t is at most 1; the random step is
    |diffusion (1 + diffusion_dtod N)|; rest is reset + reset_dtod N; the exponent of drift |nu (1 + nu_dtod N)|.

    Parameters
    ----------
    device : CellStatistics
        Means and variations.
    draws : Draws
        The cells' random numbers.
    shift : float64 [cells], optional
        Added to where the cells rest.
    """
    varied = device.lifetime_dtod or device.diffusion_dtod or device.reset_dtod or device.drift.nu_dtod
    n = draws.normals(RETENTION) if varied else np.zeros((4, 1))
    remaining = np.ones(1)
    if device.lifetime > 0.0:
        remaining = 1.0 - 1.0 / np.maximum(device.lifetime * (1.0 + device.lifetime_dtod * n[0]), 1.0)
    rest = device.reset + device.reset_dtod * n[2]
    return Retention(
        remaining.astype(np.float32),
        np.abs(device.diffusion * (1.0 + device.diffusion_dtod * n[1])).astype(np.float32),
        (rest if shift is None else rest + shift).astype(np.float32),
        np.abs(device.drift.nu * (1.0 + device.drift.nu_dtod * n[3])).astype(np.float32),
        device.drift.t_0,
        device.reset_std,
    )
