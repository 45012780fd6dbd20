"""Many pulses of cells as one aggregate (twin of ``_core/aggregate.h``, where the conditions are explained)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.reference.response import ONE, Law, clipped, larger, respond, smaller

__all__ = ["Path", "land", "land_word"]

Bits = NDArray[np.uint32]
Mask = NDArray[np.bool_]

ZERO, TWO, THREE, FOUR = (np.float32(k) for k in (0.0, 2.0, 3.0, 4.0))
HALF, QUARTER, SIXTH = np.float32(0.5), np.float32(0.25), np.float32(0.16666667)
REACH, SHIFT, SKEWNESS = np.float32(4.0), np.float32(2.5e-3), np.float32(0.1)
STEEP, BEND = np.float32(0.005) * np.float32(0.005), np.float32(0.5)
STRETCH, GROWTH = np.float32(1e-3), np.float32(0.05)


class Path:
    """Where the mean changes of a number of pulses lead, and the moments of their noise.

    Variance and third cumulant are in units of the relative deviation, the latter a third of itself where noise is in
    proportion to the step.
    """

    def __init__(self, law: Law, cells: FloatArray, w: FloatArray) -> None:
        self.law, self.cells = law, cells
        self.mean, self.lowest, self.highest = w.copy(), w.copy(), w.copy()
        self.variance, self.third, self.bend = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
        self.count = np.zeros(len(w), np.int32)
        self.wild = np.zeros(len(w), np.bool_)
        self.steepest, self.longest = np.zeros_like(w), np.zeros_like(w)
        self.skews = law.family not in ("constant", "additive")
        self.curved = law.family in ("exponential", "power")

    def advance(self, slots: Bits, ups: Bits, alike: bool) -> None:
        """Take a word's pulses into the path; `alike`, those of a cell all go the same way."""
        if self.law.family == "constant":
            self._by_numbers(slots, ups)
        elif alike:
            self._as_a_series(np.bitwise_count(slots), ups != 0)
        else:
            self._in_both_ways(slots, ups)

    def _by_numbers(self, slots: Bits, ups: Bits) -> None:
        n = np.bitwise_count(ups).astype(np.float32)
        m = (np.bitwise_count(slots) - np.bitwise_count(ups)).astype(np.float32)
        up, down = self.cells[:, 2], self.cells[:, 3]
        rise, fall = n * up, m * down
        self._extend(rise, fall)
        self.mean = self.mean + (rise + fall)
        self.variance = self.variance + (rise * up + fall * down)
        self.count = self.count + np.bitwise_count(slots)

    def _as_a_series(self, many: NDArray[np.uint8], up: Mask) -> None:
        """Sum equal pulses up: the powers of a straight step, and what its curvature adds to them."""
        pulse, n = respond(self.law, self.cells, self.mean, up), many.astype(np.float32)
        slope = pulse.slope
        before = n * slope - slope
        second = before - slope
        third = second - slope
        inner = second * (third + FOUR) + np.float32(12.0)
        series = n * np.float32(0.041666668) * (before * inner + np.float32(24.0))
        if self.curved:
            half = n * HALF
            pairs, odd = half * n - half, (n + n - ONE) * SIXTH
            turn, twist = pulse.step * pulse.bend, pulse.step * pulse.step * pulse.twist
            series = series + pairs * (turn * odd * (second + ONE) + twist * pairs * SIXTH)
            growth = slope * series + ONE + pairs * (turn * (second + slope * HALF + ONE) + twist * odd)
        else:
            growth = slope * series + ONE
        gain = pulse.step * series
        growth2, rest = growth * growth, growth - slope * (before + ONE)
        each = pulse.size * pulse.size
        square = n * each
        if self.law.family == "affine":
            drift = slope * gain * (self.variance + self.variance + square - each)
            self.third = (self.third + drift) * (growth2 * growth)
            left = square * (rest * rest)
        elif self.law.family == "additive":
            left = each * (series * ((growth + ONE) * (HALF - slope * QUARTER)))
        else:
            half, travelled = n * HALF - HALF, pulse.step * (series - ONE)
            halfway = pulse.step * (half + slope * half * (half * HALF - HALF))
            end, middle = pulse.size + pulse.rate * travelled, pulse.size + pulse.rate * halfway
            if self.curved:
                curve = np.where(np.signbit(pulse.step), -pulse.bend, pulse.bend) * HALF
                end = end + curve * (travelled * travelled)
                middle = middle + curve * (halfway * halfway)
            both = pulse.size + end
            left = n * SIXTH * (each * (rest * rest) + middle * middle * (rest * FOUR) + end * end)
            drift = pulse.rate * n * both * (growth2 + growth)
            earlier = self.variance * growth * np.float32(1.5) + both * both * (n - ONE) * np.float32(0.1875)
            self.third = self.third * (growth2 * growth) + drift * earlier
        self.variance = self.variance * growth2 + left
        if self.curved:
            # the fifth order of the series must not matter, nor what is left out of growth
            bent, curl = n * turn, n * n * n * twist
            q, b = before * before, np.abs(n * bent)
            missed = q * q + b * (q * np.float32(11.0) + b * FOUR)
            missed = missed + np.abs(curl) * (np.abs(before) * np.float32(7.0) + BEND)
            missed = missed * n * np.abs(pulse.step) * np.float32(0.0083333333)
            allowed = HALF * SHIFT * SHIFT * self.law.scale * self.law.scale
            self.wild = self.wild | (missed * missed > left * allowed) | (np.abs(bent) > np.abs(slope) * BEND)
            self.wild = self.wild | (((q > GROWTH) | (slope * slope > STRETCH)) & (many > 0))
            self.bend = self.bend + np.abs(n * pulse.bend)
        else:
            self.longest = larger(self.longest, n)
            if self.law.family == "piecewise":
                self.steepest = larger(self.steepest, np.abs(slope))
        self.mean = self.mean + gain
        self.lowest, self.highest = smaller(self.lowest, self.mean), larger(self.highest, self.mean)
        self.count = self.count + many

    def _in_both_ways(self, slots: Bits, ups: Bits) -> None:
        """Sum pulses both ways up, with how often one goes down before another that goes up."""
        law, w = self.law, self.mean
        rising, falling = (respond(law, self.cells, w, np.full(len(w), up)) for up in (True, False))
        n, m, crossed = self._numbers(slots, ups)
        rise, fall = n * rising.step, m * falling.step
        half, other_half = n * HALF, m * HALF
        pairs, other_pairs, other = half * n - half, other_half * m - other_half, n * m - crossed
        before_ups = rising.step * pairs + falling.step * crossed
        before_downs = falling.step * other_pairs + rising.step * other
        bent_up, bent_down = rising.slope * before_ups, falling.slope * before_downs
        after_ups = rising.slope * pairs + falling.slope * other
        after_downs = falling.slope * other_pairs + rising.slope * crossed
        decay = n * rising.slope + m * falling.slope
        affine = law.family == "affine"
        if affine:
            one, two = bent_up + rising.step * after_ups, bent_down + falling.step * after_downs
            square = rising.step * (rise + one + one) + falling.step * (fall + two + two)
        else:
            one, two = rising.size * after_ups, falling.size * after_downs
            if self.skews:
                one, two = one + rising.rate * before_ups, two + falling.rate * before_downs
            square = rising.size * (n * rising.size + one + one) + falling.size * (m * falling.size + two + two)
        if self.skews:
            up_size, down_size = (rising.step, falling.step) if affine else (rising.size, falling.size)
            up_rate, down_rate = (rising.slope, falling.slope) if affine else (rising.rate, falling.rate)
            up_rate, down_rate, unit = up_size * up_rate, down_size * down_rate, np.float32(2.0 if affine else 6.0)
            up_square, down_square = up_size * up_size, down_size * down_size
            rate: FloatArray = (n * up_rate + m * down_rate) * unit
            of_ups = up_square * pairs + down_square * crossed
            of_downs = down_square * other_pairs + up_square * other
            own: FloatArray = (up_rate * of_ups + down_rate * of_downs) * unit
            self.third = self.third + self.third * (decay * THREE) + (rate * self.variance + own)
        growth = decay + ONE
        self.variance = self.variance * (growth * growth) + square
        self._extend(rise * np.float32(1.05), fall * np.float32(1.05))
        steepest = larger(np.abs(rising.slope), np.abs(falling.slope))
        stretch = steepest * (n + m)
        bent = bent_up + bent_down
        missed = (np.abs(bent_up) + np.abs(bent_down)) * stretch * np.float32(0.33333334)
        if self.curved:
            # The mean square of what lies before steps is known by their mean only; and no step may end on the way.
            up_bend, down_bend = before_ups * before_ups * rising.bend, before_downs * before_downs * falling.bend
            bends = (up_bend / larger(n, ONE) + down_bend / larger(m, ONE)) * np.float32(0.75)
            bent = bent + bends
            missed = missed + np.abs(bends) * np.float32(0.7)
            self.bend = self.bend + (n * np.abs(rising.bend) + m * np.abs(falling.bend))
            far = rise - fall + np.sqrt(larger(square, ZERO)) * (REACH * law.scale)
            for count, pulse in ((n, rising), (m, falling)):
                self.wild = self.wild | ((count > ZERO) & (np.abs(pulse.slope) * far > np.abs(pulse.step)))
        self.wild = self.wild | (stretch * stretch > TWO * STRETCH)
        self.wild = self.wild | (missed * missed > square * (SHIFT * SHIFT * law.scale * law.scale))
        self.steepest = larger(self.steepest, steepest)
        self.mean = self.mean + (rise + fall + bent)
        self.count = self.count + np.bitwise_count(slots)

    def _numbers(self, slots: Bits, ups: Bits) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the pulses up, those down, and the pairs of which the first goes down and the second up."""
        down, crossed = np.zeros(len(slots), np.int32), np.zeros(len(slots), np.int32)
        for slot in range(32):
            up = ups >> np.uint32(slot) & 1 != 0
            crossed += np.where(up, down, 0)
            down += (slots >> np.uint32(slot) & 1 != 0) & ~up
        crossed = np.minimum(crossed, 255)
        return np.bitwise_count(ups).astype(np.float32), down.astype(np.float32), crossed.astype(np.float32)

    def _extend(self, one: FloatArray, other: FloatArray) -> None:
        self.highest = larger(self.highest, self.mean + (larger(one, ZERO) + larger(other, ZERO)))
        self.lowest = smaller(self.lowest, self.mean + (smaller(one, ZERO) + smaller(other, ZERO)))

    def spread(self) -> FloatArray:
        """Return the standard deviation of the path's end."""
        return np.sqrt(larger(self.variance, ZERO)) * self.law.scale

    def within_law(self, spread: FloatArray, skewness: FloatArray) -> Mask:
        """Return where a normal number about the mean is close enough to the law pulse by pulse."""
        law, cells, reach = self.law, self.cells, spread * REACH
        within = (self.lowest - reach >= cells[:, 0]) & (self.highest + reach <= cells[:, 1])
        if self.skews:
            within &= np.abs(skewness) <= SKEWNESS
        if self.curved:
            within &= self.bend * spread <= TWO * SHIFT
        if law.family != "constant":
            within &= ~self.wild
        if law.family == "piecewise":
            within &= self._straight(reach)
        return within | (self.count <= 1)

    def short_series(self) -> Mask:
        """Return where the series of straight steps may end with their fourth order."""
        steepest = self.steepest
        if self.law.family != "piecewise":
            steepest = larger(np.abs(self.cells[:, 4]), np.abs(self.cells[:, 5]))
        reached = steepest * self.longest
        fourth = reached * reached * (reached * reached)
        allowed = np.float32(60.0) * SHIFT * np.float32(self.law.deviation)
        counted = self.count.astype(np.float32)
        short: Mask = (steepest * steepest <= STRETCH) & (fourth * fourth * counted <= allowed * allowed)
        return short | (self.count <= 1)

    def _straight(self, reach: FloatArray) -> Mask:
        law, cells = self.law, self.cells
        if law.nodes_up is None or law.nodes_down is None:
            raise ValueError("a piecewise step has nodes")
        per_weight = cells[:, 4] * np.float32(len(law.nodes_up) - 1)
        low = (self.lowest - reach - cells[:, 0]) * per_weight
        high = (self.highest + reach - cells[:, 0]) * per_weight
        sharpest = max(np.abs(np.diff(np.diff(n))).max(initial=0.0) for n in (law.nodes_up, law.nodes_down))
        bend = larger(np.abs(cells[:, 2]), np.abs(cells[:, 3])) * per_weight * np.float32(sharpest)
        n, deviation = self.count.astype(np.float32), np.float32(law.deviation)
        blurred = bend * n * (np.sqrt(n) * np.float32(0.5) + np.float32(0.4) * deviation)
        straight: Mask = (low.astype(np.int32) == high.astype(np.int32)) | (blurred <= SHIFT * deviation)
        return straight


def land(path: Path, z: FloatArray) -> tuple[FloatArray, Mask]:
    """Return the weights at the end of a path, and where they may not be used."""
    spread, skewness = path.spread(), np.zeros_like(z)
    if path.skews:
        scale = path.law.scale
        cube = larger(spread * spread * spread, np.float32(1e-30))
        fourth = scale * scale * scale * scale * (THREE if path.law.family == "affine" else ONE)
        skewness = path.third * fourth / cube
        z = z + (z * z - ONE) * (skewness * SIXTH)
    within = path.within_law(spread, skewness)
    if path.law.family != "constant" and not path.curved:
        within &= path.short_series()
    return _end(path, spread, z, within)


def land_word(path: Path, z: FloatArray) -> tuple[FloatArray, Mask]:
    """Return the same after a single word of several vectors, where the skewness is bounded and not corrected."""
    if path.skews:
        deviation, count = np.float32(path.law.deviation), path.count.astype(np.float32)
        path.wild = path.wild | (path.steepest * path.steepest * count > STEEP / (deviation * deviation))
    spread = path.spread()
    return _end(path, spread, z, path.within_law(spread, np.zeros_like(z)))


def _end(path: Path, spread: FloatArray, z: FloatArray, within: Mask) -> tuple[FloatArray, Mask]:
    return clipped(path.mean + spread * z, path.cells), (path.count > 0) & ~within
