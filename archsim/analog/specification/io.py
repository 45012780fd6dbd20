"""What a user says about a crossbar's converters: the numbers, not the time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from archsim.analog.specification.numbers import NonNegative, Positive
from archsim.specification import Specification

__all__ = ["IOParameters"]


class IOParameters(Specification):
    """How a crossbar's inputs and outputs are converted (the numbers, not the time).

    Resolutions come from ``chip.dac.bits`` and ``chip.adc.bits``: a converter of b bits has the step
    2 * bound / (2**b - 2). Noise values are in units of the input or output range as in Rasch et al. 2021
    (aihwkit ``IOParameters``); the defaults are those of Gokmen & Vlasov, doi:10.3389/fnins.2016.00333.
    """

    is_perfect: bool = False
    inp_bound: Positive = 1.0
    inp_noise: NonNegative = 0.0
    inp_sto_round: bool = False
    out_bound: Positive = 12.0
    out_noise: NonNegative = 0.06
    w_noise: NonNegative = 0.0
    noise_management: Literal["none", "abs-max"] = "abs-max"
    bound_management: Literal["none", "iterative"] = "iterative"
    max_bm_factor: Positive = 1000.0
    max_bm_res: Positive = 0.25
    expected_reads: Annotated[float, Field(ge=1)] = 1.0
