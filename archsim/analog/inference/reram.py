"""Resistive memory after Wan et al. 2022: deviations from the target, measured at three times."""

from __future__ import annotations

import numpy as np

from archsim.analog.inference.draws import Array
from archsim.analog.specification.inference import MEASURED_TIMES, ReRAMWan2022
from archsim.errors import InputError

__all__ = ["ReRAMNoise"]

#: Highest conductance (uS) of the measured devices.
REFERENCE_G_MAX = 40.0

#: Standard deviation (uS) in ascending powers of g / g_max, by seconds after programming: fits of aihwkit
#: ``ReRamWan2022NoiseModel`` to the published figures of Wan et al. 2022 (doi:10.1038/s41586-022-04992-8).
COEFFICIENTS = dict(
    zip(
        MEASURED_TIMES,
        (
            (0.348, 16.030, -43.853, 45.393, -16.815),
            (0.701, 22.086, -50.773, 47.095, -16.458),
            (0.782, 20.274, -43.507, 37.062, -11.934),
        ),
        strict=True,
    )
)


class ReRAMNoise:
    """g(t) = max(g + sigma_t(g) xi, 0), fresh for each evaluation; sigma_t is known at 1 s, one day and two days.

    The published data say how wide conductances spread after a time, not how that of one cell moves; there is neither
    drift nor separate read noise.
    """

    def __init__(self, specification: ReRAMWan2022) -> None:
        self._p = specification

    def programming_std(self, targets: Array) -> Array:
        """Return the standard deviation 1 s after programming, in uS; see `NoiseModel`."""
        return self._std(targets, min(COEFFICIENTS))

    def exponents(self, targets: Array, xi: Array) -> Array:
        """Return zeros: these devices do not drift; see `NoiseModel`."""
        return np.zeros_like(targets)

    def conductances(self, targets: Array, programmed: Array, exponents: Array, time_s: float, xi: Array) -> Array:
        """Return targets with the deviation at a time; see `NoiseModel`.

        Raises
        ------
        InputError
            If nothing was measured at that time.
        """
        if time_s not in COEFFICIENTS:
            raise InputError(
                "the noise of 'reram-wan2022' was not measured at this time",
                value=time_s,
                allowed=", ".join(f"{time:g}" for time in COEFFICIENTS) + " seconds",
            )
        return np.maximum(targets + self._std(targets, time_s) * xi, 0.0)

    def _std(self, targets: Array, time_s: float) -> Array:
        p = self._p
        fitted = np.polynomial.polynomial.polyval(targets / p.g_max, np.asarray(COEFFICIENTS[time_s]))
        std: Array = fitted * (p.noise_scale * p.g_max / REFERENCE_G_MAX)
        return std
