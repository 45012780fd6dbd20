"""Populations whose step is a linear function of the weight."""

from __future__ import annotations

import numpy as np

from archsim.analog.blocks import aligned_zeros
from archsim.analog.devices.draw import SHAPE, Cells, Doubles, Draws, PulsedCells, draw_cells
from archsim.analog.devices.population import CELL_NUMBERS, FEW_NUMBERS, Family, Population
from archsim.analog.devices.retention import Retention, draw_retention
from archsim.analog.specification import (
    ConstantStep,
    LinearResponse,
    LinearStep,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)

__all__ = ["constant_step", "linear_response", "linear_step", "soft_bounds", "soft_bounds_reference"]

#: Of the largest step: how far from zero a step may end by the rounding of doubles.
ROUNDING = 1e-12


def constant_step(device: ConstantStep, draws: Draws) -> Population:
    """Draw cells whose step does not depend on the weight."""
    cells = draw_cells(device, draws)
    none = np.zeros_like(cells.up)
    return _population(device, cells, (none, none), True, draw_retention(device, draws))


def soft_bounds(device: SoftBounds | SoftBoundsPmax, draws: Draws) -> Population:
    """Draw cells whose step falls to zero at the cell's own bound; a bound at zero leaves its step constant."""
    cells = draw_cells(device, draws)
    slopes = _to_zero_at(cells, cells.w_max, cells.w_min)
    return _population(device, cells, slopes, device.mult_noise, draw_retention(device, draws))


def linear_step(device: LinearStep, draws: Draws) -> Population:
    """Draw cells with slopes of their own.

    With gamma = |gamma + gamma_dtod N| (the magnitude unless steps may grow), a step falls by gamma from weight 0 to
    the bound that its slope refers to: the mean bound or the cell's own; with `reverse_up` or `reverse_down` it is the
    opposite bound, `reverse_offset` further out, so that the step grows.
    """
    cells = draw_cells(device, draws)
    n = draws.normals(SHAPE)
    gamma_up = device.gamma_up + device.gamma_up_dtod * n[0]
    gamma_down = device.gamma_down + device.gamma_down_dtod * n[1]
    if not device.allow_increasing:
        gamma_up, gamma_down = np.abs(gamma_up), np.abs(gamma_down)
    high, low = cells.w_max, cells.w_min
    if device.mean_bound_reference:
        high, low = np.full_like(high, device.w_max), np.full_like(low, device.w_min)
    slope_up, slope_down = _to_zero_at(
        cells,
        low - device.reverse_offset if device.reverse_up else high,
        high + device.reverse_offset if device.reverse_down else low,
    )
    slopes = gamma_up * slope_up, gamma_down * slope_down
    return _population(device, cells, slopes, device.mult_noise, draw_retention(device, draws))


def soft_bounds_reference(device: SoftBoundsReference, draws: Draws) -> Population:
    """Draw cells with soft bounds in u = w + reference, told in the weight w.

    The slopes vary by moving the bounds: w_max / |1 + slope_up_dtod N|, and w_min likewise. The reference is
    reference_mean + reference_std N, and the cell's symmetric point
    (up - down) / (up / w_max - down / w_min) with magnitudes up and down, if that is subtracted.
    """
    cells = draw_cells(device, draws)
    n = draws.normals(SHAPE)
    varied = cells.two_sided
    w_max = np.where(varied, cells.w_max / np.abs(1.0 + device.slope_up_dtod * n[0]), cells.w_max)
    w_min = np.where(varied, cells.w_min / np.abs(1.0 + device.slope_down_dtod * n[1]), cells.w_min)
    cells = Cells(w_max, w_min, cells.up, cells.down)
    slope_up, slope_down = _to_zero_at(cells, np.maximum(w_max, 0.0), np.minimum(w_min, 0.0))
    reference = device.reference_mean + device.reference_std * n[2]
    points = np.zeros_like(reference)
    if device.subtract_symmetry_point:
        points = _ratio(cells.up - cells.down, np.where(varied, -slope_up - slope_down, 0.0))
    reference = reference + points
    at_zero = Cells(
        w_max - reference, w_min - reference, cells.up + slope_up * reference, cells.down - slope_down * reference
    )
    retention = draw_retention(device, draws, points)
    return _population(device, at_zero, (slope_up, slope_down), device.mult_noise, retention, (cells.up, cells.down))


def linear_response(device: LinearResponse, draws: Draws) -> Population:
    """Draw cells with q_up = (1 + c)(1 - w / w_max) and q_down = (1 - c)(1 - w / w_min) (arXiv:2502.06309).

    Additive noise does not depend on c.
    """
    drawn = draw_cells(device, draws)
    cells = Cells(drawn.w_max, drawn.w_min, (1.0 + device.c) * drawn.up, (1.0 - device.c) * drawn.down)
    slopes = _to_zero_at(cells, cells.w_max, cells.w_min)
    sizes = drawn.up, drawn.down
    return _population(device, cells, slopes, device.mult_noise, draw_retention(device, draws), sizes)


def _to_zero_at(cells: Cells, high: Doubles, low: Doubles) -> tuple[Doubles, Doubles]:
    """Return the slopes, as they are added, with which steps reach zero at given weights."""
    return -_ratio(cells.up, high), _ratio(cells.down, low)


def _ratio(above: Doubles, below: Doubles) -> Doubles:
    """Return the quotient, and 0 where the divisor is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0.0)


def _end_at(bounds: Doubles, steps: Doubles, slopes: Doubles) -> bool:
    """Return whether all steps, given at weight 0, fall to zero at the cells' bounds."""
    largest = np.max(np.abs(steps), initial=0.0)
    return bool(np.all(np.abs(steps + slopes * bounds) <= ROUNDING * largest))


def _population(
    device: PulsedCells,
    cells: Cells,
    slopes: tuple[Doubles, Doubles],
    multiplicative: bool,
    retention: Retention,
    sizes: tuple[Doubles, Doubles] | None = None,
) -> Population:
    """Put the numbers into their columns, as few as tell the cells: see `Population`."""
    family: Family = "affine"
    bounds, steps = (cells.w_min, cells.w_max), (cells.up, -cells.down)
    columns: tuple[Doubles, ...]
    if multiplicative and not any(slope.any() for slope in slopes):
        family, columns = "constant", (*bounds, *steps)
    elif multiplicative and _end_at(cells.w_max, cells.up, slopes[0]) and _end_at(cells.w_min, -cells.down, slopes[1]):
        family, columns = "soft", (*bounds, *slopes)
    else:
        noise_up, noise_down = sizes or (cells.up, cells.down)
        noise = 0.0 if multiplicative else device.dw_min_std
        columns = (*bounds, *steps, *slopes, noise * np.abs(noise_up), noise * np.abs(noise_down))
    numbers = aligned_zeros(len(cells.up), CELL_NUMBERS if family == "affine" else FEW_NUMBERS)
    for column, values in enumerate(columns):
        numbers[:, column] = values
    return Population(
        numbers,
        family,
        device.dw_min,
        device.dw_min_std,
        multiplicative,
        write_noise=device.write_noise_std * device.dw_min,
        retention=retention,
    )
