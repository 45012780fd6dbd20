"""Phase-change memory: programming noise, drift and 1/f read noise."""

from __future__ import annotations

import numpy as np

from archsim.analog.inference.draws import Array
from archsim.analog.specification.inference import REFERENCE_G_MAX, PCMLike
from archsim.errors import InputError

__all__ = ["PCMNoise"]

#: Mean and standard deviation of the drift exponent: slope and offset in ln(g / g_max), and limits (Joshi et al. 2020).
EXPONENT_MEAN = (-0.0155, 0.0244, 0.049, 0.1)
EXPONENT_STD = (-0.0125, -0.0059, 0.008, 0.045)

#: Smallest g / g_max in the logarithm: every limit above is reached before.
SMALLEST = 1e-7

#: Read noise: Q = min(0.0088 / max((g / g_max)^0.65, 1e-3), 0.2) (Nandakumar et al. 2019).
READ_FACTOR, READ_POWER, READ_FLOOR, READ_LIMIT = 0.0088, 0.65, 1e-3, 0.2


class PCMNoise:
    """The model that aihwkit has as ``PCMLikeNoiseModel``, with g in parts of g_max in the fits.

    Of a conductance with the target g,

        sigma_prog = (c_0 + c_1 g + c_2 g^2) g_max / 25 uS
        nu         = |mean(g) + std(g) xi|,     each of mean and std linear in ln g between two limits
        g(t)       = g_prog ((t + t_0) / t_0)^-nu
        sigma_read = g(t) Q(g) sqrt(ln((t + t_0 + t_read) / (2 t_read)))

    With ``read_noise_law: aihwkit`` it is Q(g_prog), as that kit has it: errors of small conductances enter there.
    Conductances never fall below 0. Sources: Joshi et al. 2020 (doi:10.1038/s41467-020-16108-9), Nandakumar et al. 2019
    (doi:10.1109/ICECS46596.2019.8964852).
    """

    def __init__(self, specification: PCMLike) -> None:
        self._p = specification

    def programming_std(self, targets: Array) -> Array:
        """Return sigma_prog, in uS; see `NoiseModel`."""
        p = self._p
        fitted = np.polynomial.polynomial.polyval(targets / p.g_max, np.asarray(p.prog_coeff))
        std: Array = fitted * (p.prog_noise_scale * p.g_max / REFERENCE_G_MAX)
        return std

    def exponents(self, targets: Array, xi: Array) -> Array:
        """Return nu, which the target decides; see `NoiseModel`."""
        p = self._p
        logarithm = np.log(np.clip(targets / p.g_max, SMALLEST, None))
        mean, std = _between_limits(logarithm, EXPONENT_MEAN), _between_limits(logarithm, EXPONENT_STD)
        nu: Array = np.abs(mean + p.drift_std_scale * std * xi) * p.drift_scale
        return nu

    def conductances(self, targets: Array, programmed: Array, exponents: Array, time_s: float, xi: Array) -> Array:
        """Return drifted conductances with read noise; see `NoiseModel`.

        Raises
        ------
        InputError
            If the time is negative.
        """
        if not time_s >= 0:
            raise InputError("there is no time before programming", value=time_s, allowed="seconds, at least 0")
        p = self._p
        drifted = programmed * ((time_s + p.t_0) / p.t_0) ** -exponents
        measured = targets if p.read_noise_law == "published" else programmed
        power = np.maximum((measured / p.g_max) ** READ_POWER, READ_FLOOR)
        quality = np.minimum(READ_FACTOR / power, READ_LIMIT) * p.read_noise_scale
        growth = np.sqrt(np.log((time_s + p.t_0 + p.t_read) / (2 * p.t_read)))
        seen: Array = np.maximum(drifted + drifted * quality * growth * xi, 0.0)
        return seen


def _between_limits(logarithm: Array, fit: tuple[float, float, float, float]) -> Array:
    slope, offset, lowest, highest = fit
    return np.clip(slope * logarithm + offset, lowest, highest)
