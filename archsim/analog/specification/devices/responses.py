"""Response functions of the theory of analog training (arXiv:2502.06309): w <- w +- dw_min (q(w) + dw_min_std xi)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from archsim.analog.specification.devices.pulsed import PulsedDevice
from archsim.analog.specification.ranges import NonNegative, Positive

__all__ = ["ExponentialResponse", "LinearResponse", "PowerResponse"]


class _Response(PulsedDevice):
    """Cells that are all alike, unless told otherwise; `w_max` and -`w_min` are the papers' tau."""

    w_max: Positive = 1.0
    w_min: Annotated[float, Field(lt=0)] = -1.0
    dw_min_dtod: NonNegative = 0.0
    dw_min_std: NonNegative = 0.0
    w_max_dtod: NonNegative = 0.0
    w_min_dtod: NonNegative = 0.0
    up_down_dtod: NonNegative = 0.0
    mult_noise: bool = False


class LinearResponse(_Response):
    """The linear response with offset of arXiv:2502.06309.

    With w_max = -w_min = tau its symmetric point is c tau:

        up    + u (1 + c)(1 - w / w_max)
        down  - v (1 - c)(1 - w / w_min)
    """

    kind: Literal["linear-response"] = "linear-response"
    c: Annotated[float, Field(gt=-1, lt=1)] = 0.0


class PowerResponse(_Response):
    """The power response of arXiv:2502.06309.

    With gamma_res = 1 it is the linear one, with gamma_res = 0 a constant step:

        up    + u (1 - w / w_max)^gamma_res
        down  - v (1 - w / w_min)^gamma_res
    """

    kind: Literal["power-response"] = "power-response"
    gamma_res: NonNegative = 3.0


class ExponentialResponse(_Response):
    """The exponential response of arXiv:2502.06309.

    Towards gamma_res = 0 it becomes the linear one:

        up    + u (exp(gamma_res (1 - w / w_max)) - 1) / (exp(gamma_res) - 1)
        down  - v (exp(gamma_res (1 - w / w_min)) - 1) / (exp(gamma_res) - 1)
    """

    kind: Literal["exponential-response"] = "exponential-response"
    gamma_res: Positive = 4.0

    @model_validator(mode="after")
    def _fits_single_precision(self) -> ExponentialResponse:
        if self.gamma_res > 40.0:
            raise ValueError("gamma_res above 40 does not fit single precision")
        return self
