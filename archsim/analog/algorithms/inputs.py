"""Checks that algorithms make before anything changes."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from archsim._core import kernels
from archsim.analog.blocks import FloatArray, NotFiniteError, as_block
from archsim.analog.crossbar import Crossbar
from archsim.errors import InputError

__all__ = ["checked", "granularity_of"]


def checked(
    x: ArrayLike, d: ArrayLike, learning_rate: float, inputs: int, outputs: int
) -> tuple[FloatArray, FloatArray]:
    """Return the block of an update as float32 [V, inputs] and [V, outputs].

    Raises
    ------
    InputError
        If shapes do not fit, a number is not finite or the learning rate is negative.
    """
    x_block, d_block = as_block(x, inputs, "x"), as_block(d, outputs, "d")
    if len(x_block) != len(d_block):
        raise InputError("x and d must hold the same number of vectors", value=(len(x_block), len(d_block)))
    if not (math.isfinite(learning_rate) and kernels.all_finite(x_block) and kernels.all_finite(d_block)):
        raise NotFiniteError("x, d or the learning rate of an update")
    if learning_rate < 0:
        raise InputError("a learning rate must not be negative", field="learning_rate", value=learning_rate)
    return x_block, d_block


def granularity_of(crossbar: Crossbar) -> float:
    """Return the mean weight change of a pulse.

    Raises
    ------
    InputError
        If the devices know no pulses.
    """
    if crossbar.granularity <= 0.0:
        raise InputError(
            "this algorithm writes whole pulses, which these devices do not have",
            field="device",
            value=getattr(crossbar.device, "kind", None),
            remedy="take a pulsed device such as 'soft-bounds'",
        )
    return crossbar.granularity
