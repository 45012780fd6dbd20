"""Many pulses of cells as one jump (twin of ``_core/jump.h``, where the conditions are explained)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.reference.response import ONE, Law, clipped, larger, respond, smaller

__all__ = ["Path", "land", "land_word"]

Bits = NDArray[np.uint32]
Mask = NDArray[np.bool_]

ZERO, TWO, THREE, SIX = np.float32(0.0), np.float32(2.0), np.float32(3.0), np.float32(6.0)
REACH, SHIFT, SKEWNESS = np.float32(4.0), np.float32(2.5e-3), np.float32(0.1)
STEEP, BEND = np.float32(0.005) * np.float32(0.005), np.float32(0.1)
STRETCH, ORDER = np.float32(1e-3), np.float32(6e-3)
SIXTH = np.float32(0.16666667)


class Path:
    """Where the mean changes of a number of pulses lead, and the moments of their noise.

    Variance and third cumulant are in units of the relative deviation.
    """

    def __init__(self, law: Law, cells: FloatArray, w: FloatArray) -> None:
        self.law, self.cells = law, cells
        self.mean, self.lowest, self.highest = w.copy(), w.copy(), w.copy()
        self.variance, self.third, self.bend = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
        self.count = np.zeros(len(w), np.int32)
        self.wild = np.zeros(len(w), np.bool_)
        self.steepest = np.zeros_like(w)
        self.skews = law.family not in ("constant", "additive")
        self.curved = law.family in ("exponential", "power")

    def advance(self, slots: Bits, ups: Bits, alike: bool) -> None:
        """Take a word's pulses into the path; `alike`, those of a cell all go the same way."""
        if self.law.family == "constant":
            self._by_numbers(slots, ups)
        elif alike:
            self._as_a_series(np.bitwise_count(slots), ups != 0)
        else:
            self._one_by_one(slots, ups)

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
        """Sum equal pulses up: a geometric series in the slope, to third or fourth order."""
        pulse, n = respond(self.law, self.cells, self.mean, up), many.astype(np.float32)
        slope, pairs = pulse.slope, n * (n - ONE) * np.float32(0.5)
        each = pulse.size * pulse.size
        square = n * each
        terms = slope * slope * ((n - TWO) * np.float32(0.33333334))
        if not self.curved:
            terms = terms * (slope * ((n - THREE) * np.float32(0.25)) + ONE)
        series = n + pairs * (slope + terms)
        if self.curved:
            series = series + pairs * pulse.bend * pulse.step * ((n + n - ONE) * SIXTH)
        growth = slope * series + ONE
        if self.curved:
            growth = growth + pairs * pulse.bend * pulse.step
        growth2, rest = growth * growth, growth * (ONE - slope)
        if self.law.family == "affine":
            drift = slope * pulse.step * n * (self.variance * SIX + (square - each) * THREE)
            self.third = (self.third + drift) * (growth2 * growth)
            left = square * (rest * rest)
        else:
            end = pulse.size + pulse.rate * pulse.step * (series - ONE)
            both = pulse.size + end
            left = n * SIXTH * (each * (rest * rest) + both * both * rest + end * end)
            drift = pulse.rate * n * both * (growth2 + growth)
            earlier = self.variance * growth * np.float32(1.5) + both * both * (n - ONE) * np.float32(0.1875)
            if self.skews:
                self.third = self.third * (growth2 * growth) + drift * earlier
        self.variance = self.variance * growth2 + np.where(many > 1, left, square)
        if self.curved:
            bent = np.abs(n * pulse.bend)
            self.bend = self.bend + bent
            self.wild = self.wild | (bent * np.abs(pulse.step) > np.abs(slope) * (TWO * BEND))
        triples = pairs * (n - TWO) * pulse.step * np.float32(0.083333336)
        missed = triples * (n - THREE) * slope * slope * slope
        if self.curved:
            turn = np.abs(pulse.bend * pulse.step)
            further = (n - THREE) * np.abs(slope) * np.float32(4.0) + TWO * BEND
            missed = np.abs(missed) + np.abs(triples) * turn * further
        else:
            missed = missed * ((n - np.float32(4.0)) * slope * np.float32(0.2))
        self.wild = self.wild | (missed * missed > square * (SHIFT * SHIFT * self.law.scale * self.law.scale))
        self.wild = self.wild | ((slope * slope > STRETCH) & (many > 0))
        self.mean = self.mean + pulse.step * series
        self.lowest, self.highest = smaller(self.lowest, self.mean), larger(self.highest, self.mean)
        self.count = self.count + many

    def _one_by_one(self, slots: Bits, ups: Bits) -> None:
        """Follow the steps around the present mean, in the order of the slots."""
        law, w = self.law, self.mean
        rising, falling = (respond(law, self.cells, w, np.full(len(w), up)) for up in (True, False))
        half = np.float32(0.5)
        bends = rising.bend * half, falling.bend * half
        gained, square = np.zeros_like(w), np.zeros_like(w)
        for slot in range(32):
            on, up = slots >> np.uint32(slot) & 1 != 0, ups >> np.uint32(slot) & 1 != 0
            slope = np.where(up, rising.slope, falling.slope)
            if self.curved:
                slope = slope + np.where(up, *bends) * gained
            step = np.where(on, np.where(up, rising.step, falling.step) + slope * gained, ZERO)
            size = step
            if law.family != "affine":
                size = np.where(up, rising.size, falling.size)
                if self.skews:
                    size = size + np.where(up, rising.rate, falling.rate) * gained
                size = np.where(on, size, ZERO)
            square = square + size * size
            gained = gained + step
        n = np.bitwise_count(ups).astype(np.float32)
        m = (np.bitwise_count(slots) - np.bitwise_count(ups)).astype(np.float32)
        rise, fall = n * rising.step, m * falling.step
        decay = n * rising.slope + m * falling.slope
        growth, others = decay + ONE, ONE - ONE / larger(n + m, ONE)
        self._extend(rise * np.float32(1.05), fall * np.float32(1.05))
        if self.skews:
            rate = rising.slope * rise + falling.slope * fall
            if law.family != "affine":
                rate = n * rising.size * rising.rate + m * falling.size * falling.rate
            self.third = self.third + (
                self.third * (decay * THREE) + rate * (self.variance * SIX + square * (others * THREE))
            )
        self.variance = self.variance * (growth * growth) + square * (decay * others + ONE)
        stretch = n * np.abs(rising.slope) + m * np.abs(falling.slope)
        sizes = (rising.step, falling.step) if law.family == "affine" else (rising.size, falling.size)
        up_square, down_square = sizes[0] * sizes[0], sizes[1] * sizes[1]
        order = n * m * np.abs(up_square * falling.slope - down_square * rising.slope)
        self.wild = self.wild | (stretch * stretch > STRETCH) | (order > (n * up_square + m * down_square) * ORDER)
        if self.curved:
            far = rise - fall + np.sqrt(self.variance) * (REACH * np.float32(law.deviation))
            for count, pulse, bend in ((n, rising, bends[0]), (m, falling, bends[1])):
                bent, slope = np.abs(bend) * TWO, np.abs(pulse.slope)
                self.wild = self.wild | (
                    (count > 0) & ((bent * far > slope * BEND) | (slope * far > np.abs(pulse.step)))
                )
            self.bend = self.bend + (n * (np.abs(bends[0]) * TWO) + m * (np.abs(bends[1]) * TWO))
        self.steepest = larger(np.abs(rising.slope), np.abs(falling.slope))
        self.mean = self.mean + gained
        self.count = self.count + np.bitwise_count(slots)

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
        skewness = path.third * (scale * scale * scale * scale) / cube
        z = z + (z * z - ONE) * (skewness * SIXTH)
    return _end(path, spread, z, path.within_law(spread, skewness))


def land_word(path: Path, z: FloatArray) -> tuple[FloatArray, Mask]:
    """Return the same after a single word of several vectors, where the skewness is bounded and not corrected."""
    spread = path.spread()
    within = path.within_law(spread, np.zeros_like(z))
    if path.skews:
        scale = path.law.scale
        within &= (path.steepest * path.steepest * path.count.astype(np.float32) <= STEEP / (scale * scale)) | (
            path.count <= 1
        )
    return _end(path, spread, z, within)


def _end(path: Path, spread: FloatArray, z: FloatArray, within: Mask) -> tuple[FloatArray, Mask]:
    return clipped(path.mean + spread * z, path.cells), (path.count > 0) & ~within
