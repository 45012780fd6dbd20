"""A noisy read, vector by vector (twin of ``_core/read.pxi`` and ``_core/product.h``)."""

from __future__ import annotations

import math

import numpy as np

from archsim.analog.blocks import FloatArray
from archsim.analog.converters import resolution
from archsim.analog.reference.random import normals, uniform, words
from archsim.analog.specification import IOParameters

__all__ = ["product", "read"]

#: Draws of a line: noise of an output line, noise and rounding of an input line.
OUTPUT_DRAW, INPUT_DRAW = 0, 1
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
    """Return step * rint(values / step + dither); a step of 0 does nothing."""
    if step == 0.0:
        return values
    ratio = values / np.float32(step)
    levels: FloatArray = np.rint(ratio if dither is None else ratio + dither)
    return np.float32(step) * levels


def norm2(vector: FloatArray) -> float:
    """Return the 2-norm in double precision, from eight interleaved partial sums."""
    squares = np.pad(vector, (0, -len(vector) % 8)).astype(np.float64) ** 2
    partial = np.zeros(8)
    for row in squares.reshape(-1, 8):
        partial = partial + row
    return math.sqrt(sum(partial.tolist()))


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
) -> tuple[FloatArray, int]:
    """Return the values of a read and the number of vector reads; see `archsim.analog.crossbar.Crossbar.forward`."""
    values, reads = [], 0
    for offset, x in enumerate(inputs):
        if io.is_perfect:
            y, tries = product(weights, x, transposed), 1
        else:
            chain = _Chain(io, dac_bits, adc_bits, key, crossbar, purpose, first_vector + offset)
            y, tries = chain.read(weights, x, transposed, managed)
        values.append(y)
        reads += tries
    lines = weights.shape[1] if transposed else weights.shape[0]
    return np.array(values, np.float32).reshape(len(inputs), lines), reads


class _Chain:
    """The read chain for one vector."""

    def __init__(
        self,
        io: IOParameters,
        dac_bits: int | None,
        adc_bits: int | None,
        key: int,
        crossbar: int,
        purpose: int,
        vector: int,
    ) -> None:
        self.io = io
        self.inp_step = resolution(io.inp_bound, dac_bits)
        self.out_step = resolution(io.out_bound, adc_bits)
        self.stream = (key, crossbar, purpose, vector)

    def read(self, weights: FloatArray, x: FloatArray, transposed: bool, managed: bool) -> tuple[FloatArray, int]:
        largest = np.abs(x).max() if self.io.noise_management == "abs-max" else np.float32(1.0)
        if largest < np.finfo(np.float32).tiny:
            return np.zeros(weights.shape[1] if transposed else weights.shape[0], np.float32), 1
        factor, attempt = 1.0, 0
        while True:
            scale = np.float32(factor) * largest
            v = self._inputs(x, np.float32(1.0) / scale, attempt)
            y, hit = self._outputs(product(weights, v, transposed), norm2(v), scale, attempt)
            attempt += 1
            if not hit or not managed or self._exhausted(factor):
                return y, attempt
            factor *= 2.0

    def _exhausted(self, factor: float) -> bool:
        coarsest = self.io.max_bm_res * self.io.inp_bound / self.inp_step if self.inp_step else math.inf
        return int(factor) > self.io.max_bm_factor or factor > coarsest

    def _inputs(self, x: FloatArray, scale: np.float32, attempt: int) -> FloatArray:
        io = self.io
        word = words(np.arange(len(x)), *self.stream, draw=INPUT_DRAW, attempt=attempt)
        dither = uniform(word[:, 2]) - np.float32(0.5) if io.inp_sto_round else None
        v = np.clip(quantise(x * scale, self.inp_step, dither), -np.float32(io.inp_bound), np.float32(io.inp_bound))
        return v + np.float32(io.inp_noise) * normals(word)[:, 0] if io.inp_noise else v

    def _outputs(self, y: FloatArray, norm: float, scale: np.float32, attempt: int) -> tuple[FloatArray, bool]:
        io = self.io
        noise = normals(words(np.arange(len(y)), *self.stream, draw=OUTPUT_DRAW, attempt=attempt))
        if io.w_noise:
            y = y + np.float32(float(np.float32(io.w_noise)) * norm) * noise[:, 1]
        if io.out_noise:
            y = y + np.float32(io.out_noise) * noise[:, 0]
        y = quantise(y, self.out_step)
        bound = np.float32(io.out_bound)
        return np.clip(y, -bound, bound) * scale, bool((np.abs(y) > bound).any())
