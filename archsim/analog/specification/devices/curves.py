"""Devices whose step is a curved function of the weight."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.devices.pulsed import PulsedDevice
from archsim.analog.specification.ranges import NonNegative

__all__ = ["ExpStep", "PiecewiseStep", "PowStep", "PowStepReference"]

#: As many as the core holds in registers.
Nodes = Annotated[tuple[NonNegative, ...], Field(min_length=1, max_length=32)]


class ExpStep(PulsedDevice):
    """The step saturates exponentially with the weight, as fitted to resistive and phase-change memory.

        up    + u max(1 - A_up exp(gamma_up z), 0)
        down  - v max(1 - A_down exp(-gamma_down z), 0)
        z     = 2 a w / (w_max - w_min) + b

    The noise of a pulse dw is dw_min_std (|dw| + dw_min_std_add + dw_min_std_slope |w|) xi. Trains are made for the
    down step at w = 0 (aihwkit ``ExpStepDevice``), also where the up step is another one.
    """

    kind: Literal["exp-step"] = "exp-step"
    A_up: float = 0.00081
    A_down: float = 0.36833
    gamma_up: float = 12.44625
    gamma_down: float = 12.78785
    a: float = 0.244
    b: float = 0.2425
    dw_min_std_add: NonNegative = 0.0
    dw_min_std_slope: NonNegative = 0.0


class PowStep(PulsedDevice):
    """The step is a power of the distance to the bound (Fusi & Abbott 2007, doi:10.1038/nn1859).

        up    + u ((w_max - w) / (w_max - w_min))^g
        down  - v ((w - w_min) / (w_max - w_min))^h

    The exponents vary like u and v do: g = pow_gamma |1 + pow_gamma_dtod xi + r + min(pow_up_down, 0)|, h with -r and
    -max(pow_up_down, 0), r = pow_up_down_dtod xi. Trains are made for dw_min / 2^pow_gamma, the step in the middle.
    """

    kind: Literal["pow-step"] = "pow-step"
    pow_gamma: NonNegative = 1.0
    pow_gamma_dtod: NonNegative = 0.1
    pow_up_down: float = 0.0
    pow_up_down_dtod: NonNegative = 0.0


class PowStepReference(PulsedDevice):
    """A power step, read against a fixed reference r: what pulses change is w + r.

        up    + u ((w_max - w - r) / (w_max - w_min))^g
        down  - v ((w + r - w_min) / (w_max - w_min))^h
        r     = reference_mean + reference_std xi + symmetric point

    with exponents like those of `pow-step`. The symmetric point is there with `subtract_symmetry_point` only.
    """

    kind: Literal["pow-step-reference"] = "pow-step-reference"
    pow_gamma: NonNegative = 1.0
    pow_gamma_dtod: NonNegative = 0.1
    pow_up_down: float = 0.0
    pow_up_down_dtod: NonNegative = 0.0
    reference_mean: float = 0.0
    reference_std: NonNegative = 0.0
    subtract_symmetry_point: bool = False
    n_estimation_steps: Annotated[int, Field(ge=1)] | None = None


class PiecewiseStep(PulsedDevice):
    """The step is interpolated between nodes that divide the cell's own range into equal parts.

        up    + u piecewise_up(t)
        down  - v piecewise_down(t),  t = (w - w_min) / (w_max - w_min)

    Trains are made for dw_min times the middle node of the up steps.
    """

    kind: Literal["piecewise-step"] = "piecewise-step"
    piecewise_up: Nodes = (1.0,)
    piecewise_down: Nodes = (1.0,)

    @model_validator(mode="after")
    def _as_many_nodes(self) -> PiecewiseStep:
        if len(self.piecewise_up) != len(self.piecewise_down):
            raise ValueError("piecewise_up and piecewise_down need the same number of nodes")
        return self
