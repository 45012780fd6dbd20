"""What pulses do to cells in the mean, to be read: the same laws as the core's, in float64 and without noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.analog.devices.population import DOWN, FIRST_SHAPE, UP, W_MAX, W_MIN, Family, Population

__all__ = ["mean_step", "pulsed", "symmetric_point"]

Doubles = NDArray[np.float64]

#: Halvings of the range in the search for a symmetric point; the cells' numbers have 24 bits.
_HALVINGS = 40


def mean_step(population: Population, weights: ArrayLike, up: bool) -> Doubles:
    """Return what one pulse adds in the mean, before the cell's bounds clip it.

    Parameters
    ----------
    population : Population
        Cells.
    weights : float [..., cells]
        A weight for each cell.
    up : bool
        Whether it is an up pulse or a down pulse.

    Returns
    -------
    float64 [..., cells]
        Weight changes; those of down pulses are negative.
    """
    w = np.asarray(weights, np.float64)
    return _LAWS[population.family](population, population.cells.astype(np.float64).T, w, up)


def pulsed(population: Population, weights: ArrayLike, up: bool) -> Doubles:
    """Return the weights after one pulse without noise, within each cell's bounds; see `mean_step`."""
    w = np.asarray(weights, np.float64)
    low, high = population.cells[:, W_MIN], population.cells[:, W_MAX]
    clipped: Doubles = np.clip(w + mean_step(population, w, up), low, high)
    return clipped


def symmetric_point(population: Population) -> Doubles:
    """Return the weight at which an up and a down pulse of each cell cancel.

    Where there is no such weight, it is the bound that pairs of pulses lead to. Found by halving the range,
    so the sum of the two steps should fall with the weight, as it does for every device that saturates.

    Returns
    -------
    float64 [cells]
        Weights.
    """
    low, high = population.cells[:, W_MIN].astype(np.float64), population.cells[:, W_MAX].astype(np.float64)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        pair = mean_step(population, middle, True) + mean_step(population, middle, False)
        low, high = np.where(pair >= 0.0, middle, low), np.where(pair <= 0.0, middle, high)
    point: Doubles = 0.5 * (low + high)
    return point


def _constant(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    step: Doubles = np.broadcast_to(cells[UP] if up else cells[DOWN], w.shape)
    return step


def _soft(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    slope, bound = (cells[UP], cells[W_MAX]) if up else (cells[DOWN], cells[W_MIN])
    step: Doubles = slope * (w - bound)
    return step


def _affine(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    side, slope = (cells[UP], cells[FIRST_SHAPE]) if up else (cells[DOWN], cells[FIRST_SHAPE + 1])
    step: Doubles = side + slope * w
    return step


def _exponential(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    beta_up, beta_down, kappa_up, kappa_down = cells[FIRST_SHAPE:]
    step: Doubles
    if up:
        step = np.maximum(cells[UP] + beta_up * np.exp(kappa_up * w), 0.0)
    else:
        step = np.minimum(cells[DOWN] + beta_down * np.exp(kappa_down * w), 0.0)
    return step


def _power(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    gamma_up, gamma_down, inverse = cells[FIRST_SHAPE : FIRST_SHAPE + 3]
    step: Doubles
    if up:
        step = cells[UP] * np.maximum((cells[W_MAX] - w) * inverse, 0.0) ** gamma_up
    else:
        step = cells[DOWN] * np.maximum((w - cells[W_MIN]) * inverse, 0.0) ** gamma_down
    return step


def _piecewise(population: Population, cells: Doubles, w: Doubles, up: bool) -> Doubles:
    side, nodes = (cells[UP], population.nodes_up) if up else (cells[DOWN], population.nodes_down)
    place = (w - cells[W_MIN]) * cells[FIRST_SHAPE]
    step: Doubles = side * np.interp(place, np.linspace(0.0, 1.0, len(nodes)), nodes)
    return step


_LAWS: dict[Family, Callable[[Population, Doubles, Doubles, bool], Doubles]] = {
    "constant": _constant,
    "soft": _soft,
    "affine": _affine,
    "exponential": _exponential,
    "power": _power,
    "piecewise": _piecewise,
}
