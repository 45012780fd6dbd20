"""The converters at a crossbar's edge, as numbers for the core."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from archsim._core import POPULATION, kernels
from archsim.analog.blocks import FloatArray
from archsim.analog.specification import IOParameters

__all__ = [
    "FORWARD_LINES",
    "TRANSPOSED_LINES",
    "draw_lines",
    "make_converters",
    "needs_lines",
    "output_codes",
    "resolution",
    "running_average",
]

#: First of the two draws of what belongs to an output line, for the converters on either side of a crossbar.
FORWARD_LINES: Final = 64
TRANSPOSED_LINES: Final = 66

#: Numbers of the core's kinds of noise management and of passes.
SCALINGS: Final = {
    "none": 0,
    "abs-max": 1,
    "max": 2,
    "constant": 3,
    "average-abs-max": 4,
    "abs-max-np-sum": 5,
}
PASSES: Final = {"one-pass": 0, "pos-neg-separate": 1, "pos-neg-separate-digital-sum": 2}


def resolution(bound: float, bits: int | None) -> float:
    """Return the step of a converter of `bits` bits over +-`bound`: 2 bound / (2**bits - 2); 0 without quantisation."""
    return 0.0 if bits is None else 2.0 * bound / (2**bits - 2)


def has_voltages(io: IOParameters) -> bool:
    """Return whether amplifiers have offsets or lines a series resistance."""
    return io.v_offset_std > 0 or io.r_series > 0


def is_shaped(io: IOParameters) -> bool:
    """Return whether outputs follow a curve before they are converted."""
    return io.out_nonlinearity > 0 or io.out_asymmetry != 0


def is_uneven(io: IOParameters) -> bool:
    """Return whether the ADCs of a crossbar differ in noise, gain or offset."""
    return io.out_noise_std > 0 or io.out_gain_std > 0 or io.out_offset_std > 0


def needs_lines(io: IOParameters) -> bool:
    """Return whether anything of `draw_lines` enters a read."""
    return not io.is_perfect and (has_voltages(io) or is_shaped(io) or is_uneven(io))


def draw_lines(io: IOParameters, lines: int, identity: int, seed: int, draw: int) -> FloatArray:
    """Draw what differs between the output lines of a crossbar and stays as it is.

    Parameters
    ----------
    io : IOParameters
        Means and deviations.
    lines : int
        Output lines.
    identity : int
        Which crossbar of the run this is.
    seed : int
        Seed of all device populations.
    draw : int
        `FORWARD_LINES` or `TRANSPOSED_LINES`.

    Returns
    -------
    float32 [8, lines]
        With a standard normal N of each line and number: strength of the non-linearity
        n = |out_nonlinearity (1 + out_nonlinearity_std N)| / out_bound; slope correction
        (1 + (mean n + r_series) slope_calibration out_bound)**2; deviation of the noise
        |out_noise (1 + out_noise_std N)|; voltage offset max(v_offset_std N, 0); gain 1 + out_gain_std N; offset
        out_offset_std N; inverse gain and offset that the digital side corrects by (1 and 0 without calibration).
        The first four are aihwkit's (Rasch et al. 2021, doi:10.1109/AICAS51828.2021.9458494).
    """
    n = np.empty((2, lines, 4), np.float32)
    for k in range(2):
        kernels.normals(n[k], seed, identity, POPULATION, 0, 0, draw + k, 0)
    curve, noise, voltage, gain, offset = (n[k // 4, :, k % 4].astype(np.float64) for k in range(5))
    numbers = np.empty((8, lines))
    numbers[0] = np.abs(io.out_nonlinearity * (1 + io.out_nonlinearity_std * curve)) / io.out_bound
    mean = float(numbers[0].mean()) if lines else 0.0
    numbers[1] = (1 + (mean + io.r_series) * io.slope_calibration * io.out_bound) ** 2 if io.out_nonlinearity else 1.0
    numbers[2] = np.abs(io.out_noise * (1 + io.out_noise_std * noise))
    numbers[3] = np.maximum(io.v_offset_std * voltage, 0)
    numbers[4] = 1 + io.out_gain_std * gain
    numbers[5] = io.out_offset_std * offset
    numbers[6] = 1 / numbers[4] if io.out_calibration else 1.0
    numbers[7] = numbers[5] if io.out_calibration else 0.0
    return numbers.astype(np.float32)


def running_average(io: IOParameters, block: FloatArray, average: float) -> NDArray[np.float64]:
    """Return the running average of the vectors' largest magnitudes after each vector of a block.

    Parameters
    ----------
    io : IOParameters
        With the share ``nm_decay`` of a new vector.
    block : float32 [V, lines]
        Vectors in the order of their reads.
    average : float
        The average before; 0 where there was no vector yet, so that the first one sets it.
    """
    averages = np.empty(len(block))
    for k, largest in enumerate(np.abs(block).max(axis=1, initial=0.0).tolist()):
        average = (1.0 - io.nm_decay) * average + io.nm_decay * largest if average > 0.0 else largest
        averages[k] = average
    return averages


def output_codes(io: IOParameters, lines: FloatArray, block: FloatArray, values: FloatArray) -> FloatArray | None:
    """Return what ADCs gave in some vectors, in their own units; None where values do not tell it.

    Parameters
    ----------
    io : IOParameters
        What the user says. Vectors are read as a whole, and scaled by what is known of them alone.
    lines : float32 [8, lines]
        See `draw_lines`.
    block : float32 [V, lines]
        Inputs. Vectors of zeros are left out.
    values : float32 [V, lines]
        Products in the units of the inputs. Those of vectors that bound management read again are as if clipped never.
    """
    if io.is_perfect or io.mv_type == "pos-neg-separate-digital-sum":
        return None
    scales = _known_scales(io, block)
    if scales is None:
        return None
    some = scales > 0.0
    codes: FloatArray = values[some] / (scales[some, None] * np.float32(io.out_scale))
    if is_uneven(io):
        codes = codes / lines[6] + lines[7]
    # Beyond the bound: read again at half the scale, or several times that. The codes of such a vector are smaller.
    largest = np.abs(codes).max(axis=1, initial=0.0) / io.out_bound
    codes /= np.exp2(np.ceil(np.log2(np.maximum(largest * (1.0 - 1e-6), 1.0)))).astype(np.float32)[:, None]
    return codes


def _known_scales(io: IOParameters, block: FloatArray) -> FloatArray | None:
    """Return what noise management divides vectors by [V]."""
    largest: FloatArray = np.abs(block).max(axis=1, initial=0.0)
    common = np.where(largest > 0.0, np.float32(1.0), np.float32(0.0))
    if io.noise_management == "none":
        return common
    if io.noise_management == "constant":
        return common * np.float32(io.nm_thres or 1.0)
    if io.noise_management == "abs-max":
        return np.minimum(largest, np.float32(io.nm_thres or np.inf))
    return None


def make_converters(
    io: IOParameters,
    dac_bits: int | None,
    adc_bits: int | None,
    lines: FloatArray,
    core: ModuleType = kernels,
) -> kernels.Converters:
    """Return the numbers of one read chain.

    Iterative bound management gives up once the scale exceeds ``max_bm_res / step`` (step relative to the input range)
    or ``max_bm_factor``: beyond that, an input would have too few levels left (aihwkit ``max_bm_res``).

    Parameters
    ----------
    io : IOParameters
        What the user says.
    dac_bits, adc_bits : int or None
        Resolutions; None does not quantise.
    lines : float32 [8, lines]
        See `draw_lines`; the chain follows changes of this array.
    core : module
        The kernels of one instruction set.
    """
    step = resolution(io.inp_bound, dac_bits)
    chain: kernels.Converters = core.Converters(
        perfect=io.is_perfect,
        scaling=SCALINGS[io.noise_management],
        nm_thres=io.nm_thres,
        nm_assumed_wmax=io.nm_assumed_wmax,
        worst_case=io.bound_management == "iterative-worst-case" and io.noise_management != "abs-max-np-sum",
        negative_bound=io.bm_test_negative_bound,
        max_bm_factor=io.max_bm_factor,
        max_bm_scale=io.max_bm_res * io.inp_bound / step if step else math.inf,
        inp_bound=io.inp_bound,
        inp_step=step,
        stochastic_rounding=io.inp_sto_round,
        inp_noise=io.inp_noise,
        inp_asymmetry=io.inp_asymmetry,
        passes=PASSES[io.mv_type],
        ir_drop=io.ir_drop,
        ir_drop_g_ratio=io.ir_drop_g_ratio,
        voltages=has_voltages(io),
        v_offset_w_min=io.v_offset_w_min,
        r_series=io.r_series,
        r_series_max_total=io.r_series_max_total,
        pcm_read=io.w_noise_type == "pcm-read" and io.w_noise > 0,
        w_noise=io.w_noise,
        shaped=is_shaped(io),
        out_asymmetry=io.out_asymmetry,
        out_noise=io.out_noise,
        uneven=is_uneven(io),
        out_bound=io.out_bound,
        out_step=resolution(io.out_bound, adc_bits),
        out_scale=io.out_scale,
        lines=lines,
    )
    return chain
