"""Half precision, beside which fixed-point units are measured."""

from __future__ import annotations

import numpy as np

from archsim.digital.arithmetic import Arithmetic
from archsim.digital.arrays import Array
from archsim.digital.specification import Float16Settings

__all__ = ["Float16"]

_LARGEST = np.float32(np.finfo(np.float16).max)


class Float16(Arithmetic):
    """IEEE 754 half precision: each result is rounded to nearest, and what is too large becomes +-65504.

    A sum of two, a product and a quotient are rounded twice, to 24 and to 11 bits, which gives the same numbers as once
    (Figueroa 1995, doi:10.1145/221332.221334). Sums along an axis are accumulated in single precision.
    """

    Settings = Float16Settings

    def number(self, x: Array) -> Array:
        """Return numbers as a half-precision unit holds them."""
        return np.clip(x, -_LARGEST, _LARGEST).astype(np.float16).astype(np.float32)
