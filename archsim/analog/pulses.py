"""Pulse trains of the stochastic compressed update, and room for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.specification import UpdateParameters

__all__ = ["MOST_PULSES", "PulseTrains", "make_rules"]

#: Slots of a pulse train.
MOST_PULSES = 31


def make_rules(update: UpdateParameters, granularity: float) -> kernels.PulseRules:
    """Return how the core makes trains for devices of a granularity (mean weight change of one pulse)."""
    return kernels.PulseRules(
        desired_bl=update.desired_bl,
        management=update.update_management,
        bl_management=update.update_bl_management,
        granularity=granularity,
        um_grad_scale=update.um_grad_scale,
    )


class PulseTrains:
    """The trains of one block of vectors: for each vector the active lines, their trains and how many there are.

    A train is a 32-bit word: bit k is slot k, the top bit the sign of the line's value. With granularity g, rate lr and
    largest magnitudes x_m and d_m of a vector, k = lr x_m d_m / g pulses are wanted in the cell that wants most; the
    length is BL = min(ceil(k), desired_bl) with update-BL management, else desired_bl; a slot of line j pulses with
    probability B |x_j|, of line i with A |d_i|, A B = lr / (g BL), and A / B = x_m / d_m with update management
    (Gokmen, Onen & Haensch 2017, doi:10.3389/fnins.2017.00538). Where k exceeds desired_bl, d_m is scaled down for
    A / B.
    """

    def __init__(
        self,
        outputs: int,
        inputs: int,
        update: UpdateParameters,
        granularity: float,
        identity: int,
        noise_seed: int,
        x_purpose: int,
        d_purpose: int,
    ) -> None:
        self._rules = make_rules(update, granularity)
        self._identity = identity
        self._seed = noise_seed
        self._purposes = x_purpose, d_purpose
        self._outputs = outputs
        self._inputs = inputs
        self._make_room(1)

    def _make_room(self, vectors: int) -> None:
        self.x_lines = np.empty((vectors, self._inputs), np.uint32)
        self.x_trains = np.empty((vectors, self._inputs), np.uint32)
        self.x_count = np.zeros(vectors, np.int32)
        self.d_lines = np.empty((vectors, self._outputs), np.uint32)
        self.d_trains = np.empty((vectors, self._outputs), np.uint32)
        self.d_count = np.zeros(vectors, np.int32)

    def draw(self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int) -> tuple[int, int, int, int]:
        """Draw the trains of a block.

        Returns
        -------
        tuple of int
            Slots over all vectors, pulses on input lines, pulses on output lines, and meetings (pairs of active lines).

        Raises
        ------
        ValueError
            If a number is not finite.
        """
        if len(x) > len(self.x_count):
            self._make_room(len(x))
        return kernels.pulse_trains(
            self._rules,
            x,
            d,
            learning_rate,
            self._seed,
            self._identity,
            *self._purposes,
            first_vector,
            self.x_lines,
            self.x_trains,
            self.x_count,
            self.d_lines,
            self.d_trains,
            self.d_count,
        )

    def take(self, columns: NDArray[Any], counts: NDArray[Any]) -> tuple[int, int, int]:
        """Take trains that give exact numbers of pulses to the cells of single input lines.

        Parameters
        ----------
        columns : int32 [V]
            The input line of each vector.
        counts : int32 [V, outputs]
            Pulses for each cell on it, at most 31 in magnitude; negative ones go down.

        Returns
        -------
        tuple of int
            Slots over all vectors, pulses on input lines, pulses on output lines.
        """
        if len(columns) > len(self.x_count):
            self._make_room(len(columns))
        wanted = np.abs(counts)
        length = wanted.max(axis=1, initial=0)
        self.x_lines[: len(columns), :1] = columns[:, None]
        self.x_trains[: len(columns), :1] = 0x7FFFFFFF
        self.x_count[: len(columns)] = length > 0
        vectors, lines = counts.nonzero()
        active = np.bincount(vectors, minlength=len(columns))
        self.d_count[: len(columns)] = active
        # The place of each active line among those of its vector.
        places = np.arange(len(lines)) - np.repeat(active.cumsum() - active, active)
        sign = np.where(counts[vectors, lines] > 0, np.uint32(1 << 31), np.uint32(0))
        slots = (np.uint32(1) << wanted[vectors, lines].astype(np.uint32)) - np.uint32(1)
        self.d_lines[vectors, places] = lines
        self.d_trains[vectors, places] = slots | sign
        return int(length.sum()), int(length.sum()), int(wanted.sum())
