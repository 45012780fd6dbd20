"""Floating point with few digits."""

from __future__ import annotations

from typing import Annotated, Literal, cast

import numpy as np
from pydantic import Field

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.specification import ArithmeticSettings


class RoundedSettings(ArithmeticSettings):
    """Numbers with so many binary digits, rounded to nearest; exponents are those of float32."""

    kind: Literal["rounded"] = "rounded"
    digits: Annotated[int, Field(ge=2, le=24)] = 8


class Rounded(Arithmetic):
    """What is left of each result."""

    Settings = RoundedSettings

    def number(self, x: Array) -> Array:
        fraction, exponent = np.frexp(x)
        scale = np.float32(2 ** cast(RoundedSettings, self.settings).digits)
        rounded: Array = np.ldexp(np.round(fraction * scale) / scale, exponent).astype(x.dtype)
        return rounded
