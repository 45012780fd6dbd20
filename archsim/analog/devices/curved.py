"""Populations whose step is a curved function of the weight."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from archsim.analog.blocks import FloatArray, aligned_zeros
from archsim.analog.devices.draw import SHAPE, Cells, Doubles, Draws, draw_cells
from archsim.analog.devices.population import CELL_NUMBERS, W_MAX, W_MIN, Family, Population
from archsim.analog.devices.response import mean_step, symmetric_point
from archsim.analog.devices.retention import Retention, draw_retention
from archsim.analog.specification import (
    ExponentialResponse,
    ExpStep,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
)

__all__ = ["exp_step", "exponential_response", "piecewise_step", "pow_step", "pow_step_reference", "power_response"]

#: A part of one that is lost to rounding in single precision.
_UNSEEN = 2.0**-26


def exp_step(device: ExpStep, draws: Draws) -> Population:
    """Draw cells with up (1 - A_up exp(gamma_up z)) and down (1 - A_down exp(-gamma_down z)), where they are positive.

    z = 2 a w / (w_max - w_min) + b with the cell's own bounds (aihwkit ``ExpStepDevice``). The granularity is the down
    step at w = 0 of the mean device, or dw_min where that is 0.
    """
    cells = draw_cells(device, draws)
    per_weight = 2.0 * device.a * _inverse(cells.w_max - cells.w_min)
    numbers = _columns(
        cells,
        cells.up,
        cells.down,
        -cells.up * device.A_up * math.exp(device.gamma_up * device.b),
        cells.down * device.A_down * math.exp(-device.gamma_down * device.b),
        device.gamma_up * per_weight,
        -device.gamma_down * per_weight,
    )
    at_zero = 1.0 - device.A_down * math.exp(-device.gamma_down * device.b)
    down = (1.0 - max(device.up_down, 0.0)) * device.dw_min * max(at_zero, 0.0)
    return Population(
        numbers,
        "exponential",
        down if down > 0.0 else device.dw_min,
        device.dw_min_std,
        noise_add=device.dw_min_std_add,
        noise_slope=device.dw_min_std_slope,
        write_noise=device.write_noise_std * device.dw_min,
        retention=draw_retention(device, draws),
    )


def exponential_response(device: ExponentialResponse, draws: Draws) -> Population:
    """Draw cells with q = expm1(gamma_res (1 - w / bound)) / expm1(gamma_res) (arXiv:2502.06309)."""
    cells = draw_cells(device, draws)
    unit = 1.0 / math.expm1(device.gamma_res)
    numbers = _columns(
        cells,
        -unit * cells.up,
        -unit * cells.down,
        cells.up * (1.0 + unit),
        -cells.down * (1.0 + unit),
        -device.gamma_res * _inverse(cells.w_max),
        -device.gamma_res * _inverse(cells.w_min),
    )
    return _response(device, numbers, "exponential", draws)


def pow_step(device: PowStep, draws: Draws) -> Population:
    """Draw cells with up ((w_max - w) / range)**gamma_up and down ((w - w_min) / range)**gamma_down.

    The exponents vary like the pulses: with gain g = 1 + pow_gamma_dtod N and r = pow_up_down_dtod N, gamma_up is
    (g + r + min(pow_up_down, 0)) pow_gamma and gamma_down (g - r - max(pow_up_down, 0)) pow_gamma (aihwkit
    ``PowStepDevice``). The granularity is dw_min / 2**pow_gamma, the step in the middle of the range.
    """
    cells = draw_cells(device, draws)
    return _power(device, draws, cells, draws.normals(SHAPE))


def pow_step_reference(device: PowStepReference, draws: Draws) -> Population:
    """Draw cells with a power step in u = w + reference, told in the weight w.

    The reference is reference_mean + reference_std N, and the cell's symmetric point if that is subtracted: the exact
    one, or where `n_estimation_steps` times the sum of an up and a down step leads from u = 0.
    """
    cells = draw_cells(device, draws)
    n = draws.normals(SHAPE)
    bare = _power(device, draws, cells, n)
    reference = device.reference_mean + device.reference_std * n[2]
    if not device.subtract_symmetry_point:
        return _read_against(bare, reference, bare.retention)
    points = symmetric_point(bare) if device.n_estimation_steps is None else _settled(bare, device.n_estimation_steps)
    points = np.where(cells.two_sided, points, 0.0)
    return _read_against(bare, reference + points, draw_retention(device, draws, points))


def power_response(device: PowerResponse, draws: Draws) -> Population:
    """Draw cells with q = (1 - w / bound)**gamma_res (arXiv:2502.06309)."""
    cells = draw_cells(device, draws)
    inverse = _inverse(cells.w_max - cells.w_min)
    exponent = np.full_like(cells.up, device.gamma_res)
    numbers = _columns(
        cells,
        cells.up * _power_of(inverse * cells.w_max, -device.gamma_res),
        cells.down * _power_of(-inverse * cells.w_min, -device.gamma_res),
        exponent,
        exponent,
        inverse,
    )
    return _response(device, numbers, "power", draws)


def piecewise_step(device: PiecewiseStep, draws: Draws) -> Population:
    """Draw cells whose steps are interpolated between nodes from the cell's lower to its upper bound.

    The granularity is dw_min times the middle node of the up steps (aihwkit ``PiecewiseStepDevice``); dw_min where that
    is 0.
    """
    cells = draw_cells(device, draws)
    middle = device.piecewise_up[len(device.piecewise_up) // 2]
    return Population(
        _columns(cells, cells.up, cells.down, _inverse(cells.w_max - cells.w_min)),
        "piecewise",
        device.dw_min * middle if middle > 0.0 else device.dw_min,
        device.dw_min_std,
        write_noise=device.write_noise_std * device.dw_min,
        nodes_up=_nodes(device.piecewise_up),
        nodes_down=_nodes(device.piecewise_down),
        retention=draw_retention(device, draws),
    )


def _power(device: PowStep | PowStepReference, draws: Draws, cells: Cells, n: Doubles) -> Population:
    gain = 1.0 + device.pow_gamma_dtod * n[0]
    asymmetry = device.pow_up_down_dtod * n[1]
    numbers = _columns(
        cells,
        cells.up,
        cells.down,
        np.abs(gain + asymmetry + min(device.pow_up_down, 0.0)) * device.pow_gamma,
        np.abs(gain - asymmetry - max(device.pow_up_down, 0.0)) * device.pow_gamma,
        _inverse(cells.w_max - cells.w_min),
    )
    return Population(
        numbers,
        "power",
        device.dw_min * 0.5**device.pow_gamma,
        device.dw_min_std,
        write_noise=device.write_noise_std * device.dw_min,
        retention=draw_retention(device, draws),
    )


def _read_against(population: Population, reference: Doubles, retention: Retention) -> Population:
    """Return the same cells, told in the weight w = u - reference."""
    cells = aligned_zeros(*population.cells.shape)
    cells[...] = population.cells
    cells[:, W_MIN] = population.cells[:, W_MIN] - reference
    cells[:, W_MAX] = population.cells[:, W_MAX] - reference
    return replace(population, cells=cells, retention=retention)


def _settled(population: Population, steps: int) -> Doubles:
    """Return where a number of sums of an up and a down step leads from zero."""
    u = np.zeros(len(population.cells))
    for _ in range(steps):
        u = u + mean_step(population, u, True) + mean_step(population, u, False)
    return u


def _response(
    device: PowerResponse | ExponentialResponse, numbers: FloatArray, family: Family, draws: Draws
) -> Population:
    """Return cells of a response function; noise that does not scale is that of a pulse of dw_min at every weight."""
    # Noise is deviation (|dw| + noise_add): as a part of the sum that single precision does not see, |dw| drops out.
    share = 1.0 if device.mult_noise else _UNSEEN
    return Population(
        numbers,
        family,
        device.dw_min,
        device.dw_min_std * share,
        noise_add=0.0 if device.mult_noise else device.dw_min / share,
        write_noise=device.write_noise_std * device.dw_min,
        retention=draw_retention(device, draws),
    )


def _columns(cells: Cells, up: Doubles, down: Doubles, *shape: Doubles) -> FloatArray:
    """Put bounds, pulse sizes and the family's numbers into their columns; stuck cells have no steps at all."""
    numbers = aligned_zeros(len(up), CELL_NUMBERS)
    for column, values in enumerate((cells.w_min, cells.w_max, up, -down, *shape)):
        numbers[:, column] = values
    return numbers


def _inverse(values: Doubles) -> Doubles:
    """Return 1 / values, and 0 for 0."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values != 0.0)


def _power_of(values: Doubles, exponent: float) -> Doubles:
    """Return values**exponent for values above zero, and 0 for others."""
    return np.power(values, exponent, out=np.zeros_like(values), where=values > 0.0)


def _nodes(values: tuple[float, ...]) -> FloatArray:
    """Return the nodes of a piecewise step; a single one stands at both ends."""
    return np.array(values if len(values) > 1 else values * 2, np.float32)
