"""The converters at a crossbar's edge, as numbers for the core."""

from __future__ import annotations

import math

from archsim._core import kernels
from archsim.analog.specification import IOParameters

__all__ = ["make_converters", "resolution"]


def resolution(bound: float, bits: int | None) -> float:
    """Return the step of a converter of `bits` bits over +-`bound`: 2 bound / (2**bits - 2); 0 without quantisation."""
    return 0.0 if bits is None else 2.0 * bound / (2**bits - 2)


def make_converters(io: IOParameters, dac_bits: int | None, adc_bits: int | None) -> kernels.Converters:
    """Return the numbers of one read chain.

    Iterative bound management gives up once the scale exceeds ``max_bm_res / step`` (step relative to the input range)
    or ``max_bm_factor``: beyond that, an input would have too few levels left (aihwkit ``max_bm_res``).
    """
    step = resolution(io.inp_bound, dac_bits)
    return kernels.Converters(
        perfect=io.is_perfect,
        abs_max=io.noise_management == "abs-max",
        inp_bound=io.inp_bound,
        inp_step=step,
        inp_noise=io.inp_noise,
        stochastic_rounding=io.inp_sto_round,
        out_bound=io.out_bound,
        out_step=resolution(io.out_bound, adc_bits),
        out_noise=io.out_noise,
        w_noise=io.w_noise,
        max_bm_factor=io.max_bm_factor,
        max_bm_scale=io.max_bm_res * io.inp_bound / step if step else math.inf,
    )
