"""A noisy read, vector by vector (twin of ``converters.pxi``, ``array.pxi``, ``read.pxi`` and ``product.h``)."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archsim.analog.blocks import FloatArray
from archsim.analog.converters import has_voltages, is_shaped, is_uneven, resolution
from archsim.analog.reference.philox import normals, uniform, words
from archsim.analog.specification import IOParameters

__all__ = ["product", "read"]

#: Draws of a line: noise of an output, noise of an input, rounding of an input, weight noise at an output; and what is
#: added to them in the pass of negative inputs.
OUTPUT_DRAW, INPUT_DRAW, ROUND_DRAW, WEIGHT_DRAW, SECOND_PASS = 0, 1, 2, 3, 4
#: Lines that share the counters of sixteen elements, four to a counter.
GROUP = 64
#: Interleaved partial sums of a forward product.
STRIP = 16


def product(weights: FloatArray, vector: FloatArray, transposed: bool) -> FloatArray:
    """Return W v or, transposed, W^T v, with the core's order of additions."""
    if transposed:
        total = np.zeros(weights.shape[1], np.float32)
        for row, value in zip(weights, vector, strict=True):
            total = total + row * value
        return total
    pad = -len(vector) % STRIP
    terms = np.pad(weights, ((0, 0), (0, pad))) * np.pad(vector, (0, pad))
    partial = np.zeros((len(weights), STRIP), np.float32)
    for begin in range(0, len(vector), STRIP):
        partial = partial + terms[:, begin : begin + STRIP]
    while partial.shape[1] > 1:
        half = partial.shape[1] // 2
        partial = partial[:, :half] + partial[:, half:]
    return partial[:, 0]


def quantise(values: FloatArray, step: float, dither: FloatArray | None = None) -> FloatArray:
    """Return step * rint(values * (1 / step) + dither); a step of 0 does nothing."""
    if step == 0.0:
        return values
    ratio = values * (np.float32(1.0) / np.float32(step))
    levels: FloatArray = np.rint(ratio if dither is None else ratio + dither)
    return np.float32(step) * levels


def norm2(vector: FloatArray) -> float:
    """Return the 2-norm in double precision, from eight interleaved partial sums."""
    squares = np.pad(vector, (0, -len(vector) % 8)).astype(np.float64) ** 2
    partial = np.zeros(8)
    for row in squares.reshape(-1, 8):
        partial = partial + row
    return math.sqrt(total(partial))


def total(values: NDArray[np.float32] | NDArray[np.float64]) -> float:
    """Return the sum in double precision, from the first to the last."""
    return float(np.cumsum(values, dtype=np.float64)[-1]) if len(values) else 0.0


def line_words(lines: int, stream: tuple[int, int, int, int], draw: int, attempt: int) -> NDArray[np.uint32]:
    """Return the words of all groups of lines, [groups * 16, 4]."""
    elements = np.arange(-(-lines // GROUP) * GROUP // 4)
    return words(elements, *stream, draw=draw, attempt=attempt)


def by_line(numbers: FloatArray, lines: int) -> FloatArray:
    """Return the numbers [groups * 16, 4] of counters in the order of the lines they are for."""
    return numbers.reshape(-1, GROUP // 4, 4).transpose(0, 2, 1).reshape(-1)[:lines]


def read(
    io: IOParameters,
    dac_bits: int | None,
    adc_bits: int | None,
    weights: FloatArray,
    inputs: FloatArray,
    *,
    transposed: bool,
    managed: bool,
    key: int,
    crossbar: int,
    purpose: int,
    first_vector: int,
    lines: FloatArray | None = None,
    scales: NDArray[np.float64] | None = None,
) -> tuple[FloatArray, int]:
    """Return the values of a read and the number of vector reads; see `archsim.analog.crossbar.Crossbar.forward`.

    ``lines`` is what was drawn for the output lines (`archsim.analog.converters.draw_lines`), ``scales`` what
    ``average-abs-max`` divides the vectors by.
    """
    values, reads = [], 0
    for offset, x in enumerate(inputs):
        if io.is_perfect:
            y, tries = product(weights, x, transposed) * np.float32(io.out_scale), 1
        else:
            chain = _Chain(io, dac_bits, adc_bits, (key, crossbar, purpose, first_vector + offset), lines)
            given = None if scales is None else np.float32(scales[offset])
            y, tries = chain.read(weights.T if transposed else weights, x, transposed, managed, given)
        values.append(y)
        reads += tries
    outputs = weights.shape[1] if transposed else weights.shape[0]
    return np.array(values, np.float32).reshape(len(inputs), outputs), reads


class _Chain:
    """The read chain for one vector."""

    def __init__(
        self,
        io: IOParameters,
        dac_bits: int | None,
        adc_bits: int | None,
        stream: tuple[int, int, int, int],
        lines: FloatArray | None,
    ) -> None:
        self.io = io
        self.inp_step = resolution(io.inp_bound, dac_bits)
        self.out_step = resolution(io.out_bound, adc_bits)
        self.coarsest = io.max_bm_res * io.inp_bound / self.inp_step if self.inp_step else math.inf
        self.stream = stream
        self.lines = np.zeros((8, 0), np.float32) if lines is None else lines

    def normals(self, lines: int, draw: int, attempt: int) -> FloatArray:
        return by_line(normals(line_words(lines, self.stream, draw, attempt)), lines)

    def uniforms(self, lines: int, draw: int, attempt: int) -> FloatArray:
        return by_line(uniform(line_words(lines, self.stream, draw, attempt)), lines)

    def read(
        self, matrix: FloatArray, x: FloatArray, transposed: bool, managed: bool, given: np.float32 | None
    ) -> tuple[FloatArray, int]:
        """Return the values of one vector; matrix [outputs of this read, inputs of this read]."""
        passes = 1 if self.io.mv_type == "one-pass" else 2
        base = self._scale(x, given)
        if base < np.finfo(np.float32).tiny:
            return np.zeros(len(matrix), np.float32), passes
        factor, attempt = 1.0, 0
        worst_case = self.io.bound_management == "iterative-worst-case" and self.io.noise_management != "abs-max-np-sum"
        while True:
            scale = np.float32(factor * float(base))
            v = self._inputs(x, np.float32(1.0) / scale, attempt)
            y, hit = self._passes(matrix, v, transposed, scale, attempt)
            exhausted = factor > self.io.max_bm_factor or factor > self.coarsest
            if not hit or not managed or exhausted or scale >= np.float32(1e38):
                return y, passes * (attempt + 1)
            if attempt == 0 and worst_case:
                base = self._sum_scale(x)
                if base < np.finfo(np.float32).tiny:
                    return np.zeros(len(matrix), np.float32), passes
            else:
                factor *= 2.0
            attempt += 1

    def _scale(self, x: FloatArray, given: np.float32 | None) -> np.float32:
        """Return what noise management divides a vector by; not above zero where the vector reads as zero."""
        kind, threshold = self.io.noise_management, np.float32(self.io.nm_thres)
        if kind == "none":
            return np.float32(1.0)
        if np.abs(x).max() < np.finfo(np.float32).tiny:
            return np.float32(0.0)
        if kind == "constant":
            return threshold if threshold > 0 else np.float32(1.0)
        if given is not None:
            return given
        if kind == "abs-max-np-sum":
            return self._sum_scale(x)
        largest = x.max() if kind == "max" else np.abs(x).max()
        return min(largest, threshold) if threshold > 0 else largest

    def _sum_scale(self, x: FloatArray) -> np.float32:
        io, largest = self.io, float(np.abs(x).max())
        if io.nm_thres > 0:
            largest = min(largest, float(np.float32(io.nm_thres)))
        sums = max(total(np.maximum(x, 0)), total(np.maximum(-x, 0)))
        scale = sums * io.nm_assumed_wmax / float(np.float32(io.out_bound))
        return np.float32(max(largest, min(largest * self.coarsest, scale)))

    def _inputs(self, x: FloatArray, inverse: np.float32, attempt: int) -> FloatArray:
        io, bound = self.io, np.float32(self.io.inp_bound)
        dither = None
        if io.inp_sto_round and self.inp_step > 0:
            dither = self.uniforms(len(x), ROUND_DRAW, attempt) - np.float32(0.5)
        v = np.clip(quantise(x * inverse, self.inp_step, dither), -bound, bound)
        if io.inp_noise:
            v = v + np.float32(io.inp_noise) * self.normals(len(x), INPUT_DRAW, attempt)
        return np.where(v < 0, v * (np.float32(1.0) - np.float32(io.inp_asymmetry)), v)

    def _passes(
        self, matrix: FloatArray, v: FloatArray, transposed: bool, scale: np.float32, attempt: int
    ) -> tuple[FloatArray, bool]:
        if self.io.mv_type == "one-pass":
            return self._outputs(self._array(matrix, v, transposed, attempt, 0), scale, attempt, 0)
        positive = self._array(matrix, np.maximum(v, 0), transposed, attempt, 0)
        negative = self._array(matrix, np.minimum(v, 0), transposed, attempt, SECOND_PASS)
        if self.io.mv_type == "pos-neg-separate":
            return self._outputs(positive + negative, scale, attempt, 0)
        one, hit = self._outputs(positive, scale, attempt, 0)
        other, other_hit = self._outputs(negative, scale, attempt, SECOND_PASS)
        return one + other, hit or other_hit

    def _array(self, matrix: FloatArray, v: FloatArray, transposed: bool, attempt: int, second: int) -> FloatArray:
        """Return what the array makes of the voltages v."""
        io = self.io

        def multiply(change: Callable[[FloatArray], FloatArray], vector: FloatArray) -> FloatArray:
            changed = change(matrix)
            return product(changed.T if transposed else changed, vector, transposed)

        y = multiply(np.asarray, v)
        if io.ir_drop:
            current: FloatArray = np.float32(len(v)) / np.float32(io.ir_drop_g_ratio) * multiply(np.abs, np.abs(v))
            loss = np.float32(0.05) * current - np.float32(0.2)
            loss = current * (current * loss + np.float32(0.5))
            far = (np.float32(1.0) - np.array(range(len(v)), np.float32) / np.float32(len(v))).astype(np.float32)
            seen = v * (np.float32(1.0) - far * far)
            y = y - (np.float32(io.ir_drop) * loss * multiply(np.asarray, seen)).astype(np.float32)
        if has_voltages(io):
            y = self._offset_voltages(y, np.float32(total(v)))
        if io.w_noise:
            noise = self.normals(len(y), WEIGHT_DRAW + second, attempt)
            deviation = np.float32(io.w_noise)
            if io.w_noise_type == "pcm-read":
                y = y + deviation * np.sqrt(multiply(np.abs, v * v)) * noise
            else:
                y = y + np.float32(float(deviation) * norm2(v)) * noise
        return y

    def _offset_voltages(self, y: FloatArray, sum_of_inputs: np.float32) -> FloatArray:
        io, one, offset = self.io, np.float32(1.0), self.lines[3]
        reference = -np.float32(io.v_offset_w_min) * sum_of_inputs
        r, most = np.float32(io.r_series), np.float32(io.r_series_max_total)
        if r == 0:
            apart: FloatArray = y * (one - offset) - offset * (reference * np.float32(2.0))
            return apart
        coded = y + reference
        code = (one - offset) * coded / (one + np.minimum(r * np.abs(coded), most))
        value: FloatArray = code - (one + offset) * reference / (one + np.minimum(r * np.abs(reference), most))
        return value

    def _outputs(self, y: FloatArray, scale: np.float32, attempt: int, second: int) -> tuple[FloatArray, bool]:
        """Return what the ADCs make of y, and whether a bound was exceeded."""
        io, lines = self.io, self.lines
        noise = self.normals(len(y), OUTPUT_DRAW + second, attempt) if io.out_noise else np.zeros_like(y)
        if is_shaped(io):
            y = lines[1] * y / (np.float32(1.0) + np.abs(lines[0] * y))
            y = np.where(y < 0, y * (np.float32(1.0) - np.float32(io.out_asymmetry)), y)
        y = y + (lines[2] if is_uneven(io) else np.float32(io.out_noise)) * noise
        if is_uneven(io):
            y = y * lines[4] + lines[5]
        y = quantise(y, self.out_step)
        bound = np.float32(io.out_bound)
        hit = bool((y > bound).any() or (io.bm_test_negative_bound and (y < -bound).any()))
        y = np.clip(y, -bound, bound)
        if is_uneven(io):
            y = (y - lines[7]) * lines[6]
        return y * (scale * np.float32(io.out_scale)), hit
