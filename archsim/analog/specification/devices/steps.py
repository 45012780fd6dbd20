"""Devices whose step is a linear function of the weight."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.devices.pulsed import CellStatistics, PulsedDevice
from archsim.analog.specification.ranges import NonNegative, Positive

__all__ = ["ConstantStep", "LinearStep", "SoftBounds", "SoftBoundsPmax", "SoftBoundsReference"]


class ConstantStep(PulsedDevice):
    """Every pulse changes the weight by the cell's own constant step.

    From bound to bound it is the same:

        up    + u
        down  - v
    """

    kind: Literal["constant-step"] = "constant-step"


class LinearStep(PulsedDevice):
    """The step falls linearly with the weight, or grows with it where it is reversed.

        up    + u (1 - g w / w_max),  g = |gamma_up + gamma_up_dtod xi|
        down  - v (1 - h w / w_min),  h = |gamma_down + gamma_down_dtod xi|

    The bounds here are the mean ones, or the cell's own without `mean_bound_reference`. With `reverse_up` w_max is
    replaced by w_min - reverse_offset, with `reverse_down` w_min by w_max + reverse_offset.
    """

    kind: Literal["linear-step"] = "linear-step"
    gamma_up: float = 0.0
    gamma_down: float = 0.0
    gamma_up_dtod: NonNegative = 0.05
    gamma_down_dtod: NonNegative = 0.05
    allow_increasing: bool = False
    mult_noise: bool = True
    mean_bound_reference: bool = True
    reverse_up: bool = False
    reverse_down: bool = False
    reverse_offset: NonNegative = 0.01

    @model_validator(mode="after")
    def _reversed_noise(self) -> LinearStep:
        if (self.reverse_up or self.reverse_down) and not self.mult_noise:
            raise ValueError("reverse_up and reverse_down need mult_noise")
        return self


class SoftBounds(PulsedDevice):
    """The step falls linearly to zero at the cell's own bound.

        up    + u (1 - w / w_max)
        down  - v (1 - w / w_min)

    A bound at zero leaves its step constant. With w_max = -w_min = tau this is the asymmetric linear device of
    arXiv:2406.12774: n up pulses from 0 lead to tau (1 - (1 - dw_min / tau)^n).
    """

    kind: Literal["soft-bounds"] = "soft-bounds"
    mult_noise: bool = True


class SoftBoundsPmax(CellStatistics):
    """Soft bounds in the parameters of a pulse measurement (aihwkit ``SoftBoundsPmaxDevice``).

        up    + u (1 - w / w_max)
        down  - v (1 - w / w_min)
        b     = (range_max - range_min) / (1 - exp(-p_max alpha))

    with w_min = range_min, w_max = range_min + b, dw_min = b alpha, up_down = 1 + 2 range_min / b. The numbers are
    aihwkit's; where up_down > 0, the up steps that follow from them are b / w_max of those of a measurement in which
    p_max pulses lead from range_min to range_max.
    """

    kind: Literal["soft-bounds-pmax"] = "soft-bounds-pmax"
    p_max: Annotated[int, Field(ge=1)] = 1000
    alpha: Positive = 0.0005
    range_min: Annotated[float, Field(le=0)] = -1.0
    range_max: NonNegative = 1.0
    mult_noise: bool = True

    @model_validator(mode="after")
    def _some_range(self) -> SoftBoundsPmax:
        if self.range_max <= self.range_min:
            raise ValueError("range_max must lie above range_min")
        return self

    @property
    def _reach(self) -> float:
        """How far an endless train of up pulses leads from `range_min`."""
        return (self.range_max - self.range_min) / -math.expm1(-self.p_max * self.alpha)

    @property
    def dw_min(self) -> float:
        """Step of an up pulse at weight 0."""
        return self._reach * self.alpha

    @property
    def w_max(self) -> float:
        """Upper bound of the weight."""
        return self.range_min + self._reach

    @property
    def w_min(self) -> float:
        """Lower bound of the weight."""
        return self.range_min

    @property
    def up_down(self) -> float:
        """Asymmetry of the two steps at weight 0."""
        return 1.0 + 2.0 * self.range_min / self._reach


class SoftBoundsReference(PulsedDevice):
    """Soft bounds, read against a fixed reference r: what pulses change is w + r.

        up    + u (1 - (w + r) / w_max)
        down  - v (1 - (w + r) / w_min)
        r     = reference_mean + reference_std xi + (u - v) / (u / w_max - v / w_min)

    The last term, the cell's symmetric point, is there with `subtract_symmetry_point` only; w is 0 where an up and a
    down pulse cancel then. The device model of doi:10.1038/s41467-024-51221-z.
    """

    kind: Literal["soft-bounds-reference"] = "soft-bounds-reference"
    mult_noise: bool = False
    slope_up_dtod: NonNegative = 0.0
    slope_down_dtod: NonNegative = 0.0
    reference_mean: float = 0.0
    reference_std: NonNegative = 0.0
    subtract_symmetry_point: bool = False
