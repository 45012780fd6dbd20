"""Cells between mini-batches: diffusion, decay, drift, and resets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim._core import DIFFUSION, RESET, WRITE_NOISE, kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.devices.population import W_MAX, W_MIN, Population

__all__ = ["Ageing", "Mask"]

Mask = NDArray[np.bool_]


class Ageing:
    """What happens to the cells of an array while nobody writes them, and when they are reset.

    Everything works on the weights that cells hold, flat and in place, and keeps them within each cell's bounds; so a
    stuck cell stays where it is.

    Parameters
    ----------
    population : Population
        The cells, and their `Retention`.
    identity, noise_seed : int
        Which array of the run this is, and the seed of all noise.
    """

    def __init__(self, population: Population, identity: int, noise_seed: int) -> None:
        self._population = population
        self._identity = identity
        self._seed = noise_seed
        retention = population.retention
        self.happens = bool((retention.remaining != 1.0).any() or retention.diffusion.any() or retention.drift.any())
        count = len(population.cells) if retention.drift.any() else 0
        self._since_written: FloatArray = np.zeros(count, np.float32)
        self._left: FloatArray = np.zeros(count, np.float32)

    def pass_mini_batch(self, persistent: FloatArray, index: int) -> None:
        """Let one mini-batch pass: a random step, then decay towards rest, then drift.

        With N drawn anew, w + diffusion N; (w - rest) remaining + rest (aihwkit's ``PulsedDevice``); and drift by
        ((t + 1 + t_0) / (t + t_0))**-nu, t the mini-batches since the cell was last written.

        Parameters
        ----------
        held : float32 [cells]
            Changed in place.
        index : int
            Which mini-batch of the run has ended.
        """
        retention = self._population.retention
        written = persistent != self._left if len(self._left) else None
        if retention.diffusion.any():
            persistent += retention.diffusion * self._normals(len(persistent), DIFFUSION, index)
            self._clip(persistent)
        if (retention.remaining != 1.0).any():
            persistent[...] = (persistent - retention.rest) * retention.remaining + retention.rest
            self._clip(persistent)
        if written is not None:
            self._since_written[written] = 0.0
            age = self._since_written + np.float32(retention.drift_t0)
            persistent *= (age / (age + np.float32(1.0))) ** retention.drift
            self._clip(persistent)
            self._since_written += np.float32(1.0)
            self._left[...] = persistent

    def reset(self, persistent: FloatArray, cells: Mask, index: int) -> None:
        """Put some cells to rest + reset_std N.

        Parameters
        ----------
        held : float32 [cells]
            Changed in place.
        cells : bool [cells]
            Which cells.
        index : int
            Which reset of this array it is.
        """
        retention = self._population.retention
        fresh = np.broadcast_to(retention.rest, persistent.shape).copy()
        if retention.reset_std > 0.0:
            fresh += np.float32(retention.reset_std) * self._normals(len(persistent), RESET, index)
        persistent[cells] = fresh[cells]
        self._clip(persistent)

    def seen(self, persistent: FloatArray, index: int) -> FloatArray:
        """Return what is seen of what is held: with fresh write noise in every cell.

        Parameters
        ----------
        held : float32 [cells]
            Weights.
        index : int
            How often this has been asked of this array.
        """
        deviation = np.float32(self._population.write_noise)
        seen: FloatArray = persistent + deviation * self._normals(len(persistent), WRITE_NOISE, index)
        return seen

    def arrays(self) -> dict[str, FloatArray]:
        """Return the arrays that were drawn, and those that remember when cells were written, by name."""
        retention = self._population.retention
        return {
            "remaining": retention.remaining,
            "diffusion": retention.diffusion,
            "rest": retention.rest,
            "drift": retention.drift,
            "since_written": self._since_written,
            "left": self._left,
        }

    def _normals(self, count: int, purpose: int, index: int) -> FloatArray:
        numbers = np.empty((count, 4), np.float32)
        kernels.normals(numbers, self._seed, self._identity, purpose, index, 0, 0, 0)
        return numbers[:, 0]

    def _clip(self, persistent: FloatArray) -> None:
        cells = self._population.cells
        np.clip(persistent, cells[:, W_MIN], cells[:, W_MAX], out=persistent)
