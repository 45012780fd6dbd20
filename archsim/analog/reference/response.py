"""What one pulse does to cells (twin of ``_core/response.h``)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.devices.population import CELL_NUMBERS, DOWN, FEW_NUMBERS, FIRST_SHAPE, UP, Population

__all__ = ["Law", "Pulse", "clipped", "in_full", "larger", "respond", "smaller"]

ONE = np.float32(1.0)
LOG2_E = np.float32(1.4426950)


@dataclass(frozen=True)
class Law:
    """The family of steps and the noise of pulses that all cells of an array have in common; see `_core.Response`."""

    family: str
    exact: bool = False
    deviation: float = 0.0
    noise_add: float = 0.0
    noise_slope: float = 0.0
    write_noise: float = 0.0
    nodes_up: FloatArray | None = None
    nodes_down: FloatArray | None = None

    @classmethod
    def of(cls, population: Population, exact: bool = False) -> Law:
        """Return the law of pulses; `exact`, or where steps vary without noise, nothing is aggregated."""
        family: str = population.family if population.multiplicative else "additive"
        return cls(
            family,
            exact or (family != "constant" and not population.deviation),
            population.deviation,
            population.noise_add,
            population.noise_slope,
            population.write_noise,
            population.nodes_up,
            population.nodes_down,
        )

    @property
    def scale(self) -> np.float32:
        """What the sizes of noise are multiplied with; additive noise holds it already."""
        return ONE if self.family == "additive" else np.float32(self.deviation)


def in_full(law: Law, cells: FloatArray) -> tuple[Law, FloatArray]:
    """Return cells in eight numbers, and their law, in which soft bounds are affine."""
    if law.family not in ("constant", "soft"):
        return law, cells
    full = np.zeros((len(cells), CELL_NUMBERS), np.float32)
    full[:, :FEW_NUMBERS] = cells
    if law.family == "soft":
        low, high, slope_up, slope_down = cells.T
        full[:, UP], full[:, DOWN] = -(slope_up * high), -(slope_down * low)
        full[:, FIRST_SHAPE], full[:, FIRST_SHAPE + 1] = slope_up, slope_down
        law = replace(law, family="affine")
    return law, full


@dataclass(frozen=True)
class Pulse:
    """A step and its three derivatives with the weight, the size that its noise is relative to, and its slope."""

    step: FloatArray
    slope: FloatArray
    bend: FloatArray
    twist: FloatArray
    size: FloatArray
    rate: FloatArray


def respond(law: Law, cells: FloatArray, w: FloatArray, up: NDArray[np.bool_]) -> Pulse:
    """Return the pulses of cells [n, 8] at their weights w."""
    low, high, side_up, side_down, a, b, c, d = cells.T
    side, zero = np.where(up, side_up, side_down), np.zeros_like(w)
    step, slope, bend, twist = side, zero, zero, zero
    if law.family in ("affine", "additive"):
        slope = np.where(up, a, b)
        step = side + slope * w
    elif law.family == "exponential":
        exponent = np.where(up, c, d)
        grown = np.where(up, a, b) * power_of_two(exponent * w * LOG2_E)
        step = side + grown
        right_way = np.signbit(step) != up
        step = np.where(right_way, step, zero)
        slope = np.where(right_way, exponent * grown, zero)
        bend = np.where(right_way, exponent * exponent * grown, zero)
        twist = exponent * bend
    elif law.family == "power":
        exponent = np.where(up, a, b)
        left = larger(np.where(up, high - w, w - low) * c, np.float32(1e-30))
        step = side * power_of_two(exponent * natural_log(left) * LOG2_E)
        inward = np.where(up, -c, c) / larger(left, np.float32(1e-12))
        slope = exponent * step * inward
        bend = (exponent - ONE) * slope * inward
        twist = (exponent - np.float32(2.0)) * bend * inward
    elif law.family == "piecewise":
        step, slope = _between_nodes(law, w, low, side, a, up)
    rate = zero
    if law.family == "additive":
        size = np.where(up, c, d)
    elif law.family in ("constant", "affine"):
        size = np.abs(step)
    else:
        size = np.abs(step) + np.float32(law.noise_add) + np.abs(w) * np.float32(law.noise_slope)
        rate = np.where(np.signbit(step), -slope, slope) + np.copysign(np.float32(law.noise_slope), w)
    return Pulse(step, slope, bend, twist, size, rate)


def _between_nodes(
    law: Law, w: FloatArray, low: FloatArray, side: FloatArray, inverse: FloatArray, up: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    if law.nodes_up is None or law.nodes_down is None:
        raise ValueError("a piecewise step has nodes")
    last = len(law.nodes_up) - 1
    per_weight = inverse * np.float32(last)
    t = smaller(larger((w - low) * per_weight, np.float32(0.0)), np.float32(last))
    at = smaller(t, np.float32(last - 1)).astype(np.int32)
    base: FloatArray = np.where(up, law.nodes_up[at], law.nodes_down[at])
    climb: FloatArray = np.where(up, np.diff(law.nodes_up)[at], np.diff(law.nodes_down)[at])
    step: FloatArray = side * (base + climb * (t - at.astype(np.float32)))
    slope: FloatArray = side * climb * per_weight
    return step, slope


def smaller(a: FloatArray, b: FloatArray | np.float32) -> FloatArray:
    """Return a where it is below b, else b: what is no number gives b."""
    chosen: FloatArray = np.where(a < b, a, b)
    return chosen


def larger(a: FloatArray, b: FloatArray | np.float32) -> FloatArray:
    """Return a where it is above b, else b: what is no number gives b."""
    chosen: FloatArray = np.where(a > b, a, b)
    return chosen


def clipped(w: FloatArray, cells: FloatArray) -> FloatArray:
    """Return the weights within each cell's bounds."""
    return larger(smaller(w, cells[:, 1]), cells[:, 0])


def power_of_two(v: FloatArray) -> FloatArray:
    """Return 2**v; v is kept between -126 and 126."""
    v = larger(smaller(v, np.float32(126.0)), np.float32(-126.0))
    whole = np.rint(v)
    r = v - whole
    p = np.full_like(v, 1.5403530e-4)
    for coefficient in (1.3333558e-3, 9.6181291e-3, 5.5504109e-2, 0.24022651, 0.69314718, 1.0):
        p = p * r + np.float32(coefficient)
    return (p.view(np.int32) + (whole.astype(np.int32) << 23)).view(np.float32)


def natural_log(u: FloatArray) -> FloatArray:
    """Return ln u of positive normal numbers."""
    bits = u.view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> 23
    f = (bits - (exponent << 23)).view(np.float32) - ONE
    s = f / (f + np.float32(2.0))
    q = s * s
    p = ((q * np.float32(0.14285715) + np.float32(0.2)) * q + np.float32(0.33333334)) * q
    log: FloatArray = exponent.astype(np.float32) * np.float32(0.6931472) + (s + s * p) * np.float32(2.0)
    return log
