"""Pulse trains of an update, and room for them."""

from __future__ import annotations

from typing import Any, Final

from numpy.typing import NDArray

from archsim._core import kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.samples import Indices, TrainCounts, sampled
from archsim.analog.specification import UpdateParameters
from archsim.analog.threads import Workers

__all__ = ["MOST_PULSES", "PulseTrains", "make_rules"]

#: Trains (a tenth of a millisecond) from which a second thread is worth its while.
WORTH_SHARING: Final = 2**18
#: Of the input lines and of the output lines.
SIDES: Final = ((0, 1), (1, 2))
#: Pulses that a cell can be sent in one exact write.
MOST_PULSES: Final = 31

#: What the core calls the ways in which values become coincidences; without pulses, none are drawn.
_SCHEMES: Final = {
    "stochastic-compressed": "stochastic",
    "stochastic-reuse": "shared",
    "mean-count": "mean-count",
    "deterministic-implicit": "implicit",
    "none-with-device": "stochastic",
}


def make_rules(update: UpdateParameters, granularity: float) -> kernels.PulseRules:
    """Return how the core makes trains for devices of a granularity (mean weight change of one pulse)."""
    implicit = update.pulse_type == "deterministic-implicit"
    return kernels.PulseRules(
        desired_bl=update.desired_bl,
        management=update.update_management,
        bl_management=update.update_bl_management,
        granularity=granularity,
        um_grad_scale=update.um_grad_scale,
        scheme=_SCHEMES[update.pulse_type],
        x_step=update.x_res_implicit if implicit else update.res,
        d_step=update.d_res_implicit if implicit else update.res,
    )


class PulseTrains:
    """The trains of one block of vectors, on all lines of both sides.

    With granularity g, rate lr and largest magnitudes x_m and d_m of a vector, k = lr x_m d_m / g pulses are wanted in
    the cell that wants most; the length is BL = min(ceil(k), desired_bl) with update-BL management, else desired_bl; a
    slot of line j pulses with probability B |x_j|, of line i with A |d_i|, A B = lr / (g BL), and A / B = x_m / d_m
    with update management (Gokmen, Onen & Haensch 2017, doi:10.3389/fnins.2017.00538). Where k exceeds desired_bl, d_m
    is scaled down for A / B. The other pulse types count coincidences from the same probabilities; see docs/devices.md.
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
        counts: TrainCounts | None = None,
    ) -> None:
        self._update, self._granularity = update, granularity
        self._counts = counts
        self.rules = make_rules(update, granularity)
        self._stream = noise_seed, identity, x_purpose, d_purpose
        self.trains = kernels.Trains(outputs, inputs)

    def draw(
        self, x: FloatArray, d: FloatArray, learning_rate: float, first_vector: int, workers: Workers
    ) -> tuple[int, int, int, int]:
        """Draw the trains of a block; two threads share long ones, a side each.

        Returns
        -------
        tuple of int
            Slots over all vectors, pulses on input lines, pulses on output lines, and the coincidences to be expected.

        Raises
        ------
        ValueError
            If a number is not finite.
        """
        given = self.rules, x, d, learning_rate
        if (some := sampled(first_vector, len(x))) is not None:
            self.count(x[some], d[some], learning_rate)
        if workers.threads == 1 or x.size + d.size < WORTH_SHARING:
            return self.trains.draw(*given, *self._stream, first_vector)
        self.trains.prepare(*given)
        workers.map(lambda begin, end: self.trains.fill(begin, end, *given, *self._stream, first_vector), SIDES)
        return self.trains.finish()

    def count(self, x: FloatArray, d: FloatArray, learning_rate: float, *parts: Indices) -> None:
        """Look at the vectors of a block that belong to the sample; see `archsim.analog.samples.TrainCounts.note`."""
        if self._counts is not None:
            self._counts.note(self._update, self._granularity, x, d, learning_rate, *parts)

    def take(self, rows: NDArray[Any], counts: NDArray[Any]) -> tuple[int, int, int]:
        """Take trains that give exact numbers of pulses to the cells of single input lines.

        Parameters
        ----------
        rows : int32 [V]
            The input line of each vector.
        counts : int32 [V, outputs]
            Pulses for each cell on it, at most 31 in magnitude; negative ones go down.

        Returns
        -------
        tuple of int
            Slots over all vectors, pulses on input lines, pulses on output lines.
        """
        return self.trains.take(rows, counts)
