"""A fixed-point unit in integers: words and shifts, as logic would be written, without a floating-point operation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]


@dataclass(frozen=True)
class Q:
    """A signed or unsigned word of i + f bits."""

    signed: bool
    i: int
    f: int

    @property
    def low(self) -> int:
        return -(1 << (self.i + self.f - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        return (1 << (self.i + self.f - (1 if self.signed else 0))) - 1

    @property
    def text(self) -> str:
        return f"{'s' if self.signed else 'u'}({self.i},{self.f})"

    def random(self, random: np.random.Generator, size: int | tuple[int, ...]) -> Words:
        return random.integers(self.low, self.high, size, endpoint=True)

    def saturated(self, words: Words) -> Words:
        return np.clip(words, self.low, self.high)


def numbers(words: Words, f: int | Words) -> NDArray[np.float32]:
    """Words as numbers."""
    return np.ldexp(words.astype(np.float32), -np.asarray(f, np.int32)).astype(np.float32)


def shifted(words: Words, right: int | Words, rounding: str, random: Words | None = None) -> Words:
    """Words without their last bits (or with more of them, to the left)."""
    right = np.asarray(right, np.int64)
    left, right = np.maximum(-right, 0), np.maximum(right, 0)
    words = words << left
    if rounding == "stochastic":
        # Add a part of the last place, of 24 bits. Words lie low enough for that.
        assert random is not None
        return ((words << 24) + (random << right)) >> (right + 24)
    down = words >> right
    if rounding == "truncate":
        return down
    rest, half = words - (down << right), (np.int64(1) << right) >> 1
    return down + ((rest > half) | ((rest == half) & (right > 0) & (down & 1 == 1)))


def whole(top: Words, bottom: Words, rounding: str, random: Words) -> Words:
    """top / bottom as whole numbers, bottom above 0; at random, a part of the last place of 24 bits is added."""
    down = top // bottom
    rest = top - down * bottom
    if rounding == "truncate":
        return down
    if rounding == "stochastic":
        return down + ((rest << 24) + random * bottom >= bottom << 24)
    return down + ((2 * rest > bottom) | ((2 * rest == bottom) & (down & 1 == 1)))


def exponents(words: Words, f: int, q: Q, lowest: int, highest: int) -> Words:
    """The exponent of each row of words of f fraction bits: the smallest of a range with which its largest fits."""
    largest = np.abs(words).max(axis=1)
    found = np.full(len(words), highest, np.int64)
    for e in range(highest, lowest - 1, -1):
        # largest 2^-f <= high 2^(e - q.f), both times what makes them whole.
        up = f + e - q.f
        fits = largest <= q.high << up if up >= 0 else largest << -up <= q.high
        found[fits] = e
    return found
