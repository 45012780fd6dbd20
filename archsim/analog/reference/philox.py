"""Random words and normal numbers of a counter (twin of ``_core/random.pxi`` and ``_core/normal.h``)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from archsim.analog.blocks import FloatArray

__all__ = ["Series", "normals", "philox", "polar", "uniform", "words"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)


def philox(counters: NDArray[np.uint32], key: int) -> NDArray[np.uint32]:
    """Return the random words of Philox4x32-7 (Salmon et al. 2011, doi:10.1145/2063384.2063405).

    Parameters
    ----------
    counters : uint32 [..., 4]
        Counter words.
    key : int
        64-bit key.
    """
    c0, c1, c2, c3 = np.moveaxis(counters.astype(np.uint64), -1, 0)
    for turn in range(7):
        k0 = np.uint64((key + turn * KEY_STEPS[0]) & 0xFFFFFFFF)
        k1 = np.uint64(((key >> 32) + turn * KEY_STEPS[1]) & 0xFFFFFFFF)
        p0, p1 = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1 & LOW, (p0 >> HALF) ^ c3 ^ k1, p0 & LOW
    return np.stack([c0, c1, c2, c3], axis=-1).astype(np.uint32)


def words(
    elements: ArrayLike, key: int, crossbar: int, purpose: int, vector: int, draw: int = 0, attempt: int = 0
) -> NDArray[np.uint32]:
    """Return the four random words of each element; see `archsim._core.purposes` for the counter's layout."""
    element = np.asarray(elements, dtype=np.uint32)
    counters = np.empty((*element.shape, 4), np.uint32)
    counters[..., 0] = element
    counters[..., 1] = draw | attempt << 16 | purpose << 24
    counters[..., 2] = vector & 0xFFFFFFFF
    counters[..., 3] = (vector >> 32) & 0xFFF | crossbar << 12
    return philox(counters, key)


def uniform(word: NDArray[np.uint32]) -> FloatArray:
    """Return the middle of one of 2**24 equal parts of [0, 1); the last one rounds to 1."""
    return (word >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24) + np.float32(2.0**-25)


def normals(word: NDArray[np.uint32]) -> FloatArray:
    """Return four standard normal numbers from four words, float32 [..., 4].

    Box & Muller 1958 (doi:10.1214/aoms/1177706645): sqrt(-2 ln u) (cos 2 pi t, sin 2 pi t) of words (0, 1) and (2, 3),
    with the core's polynomials.
    """
    u = uniform(word[..., ::2])
    t = (word[..., 1::2].astype(np.int32) >> 8).astype(np.float32) * np.float32(2.0**-24)
    radius = np.sqrt(np.float32(-2.0) * _log(u))
    cosine, sine = _cos_sin(t)
    pairs = np.stack([radius * cosine, radius * sine], axis=-1)
    return pairs.reshape(word.shape)


class Series:
    """The normal numbers that the cells of 64 outputs take during one block of vectors, one after the other.

    Sixteen counters at a time give 64 words, the first words of all before the second ones; each word gives two
    numbers, the first of all 64 before the second ones.
    """

    def __init__(self, key: int, crossbar: int, purpose: int, first_vector: int, block: int) -> None:
        self._stream = key, crossbar, purpose, first_vector
        self._block = block
        self._next = 0
        self._left = np.empty(0, np.float32)

    def take(self, count: int) -> FloatArray:
        """Return the next numbers."""
        while len(self._left) < count:
            counters = np.arange(self._next, self._next + 16)
            self._next += 16
            word = words(counters, *self._stream, draw=self._block).T.reshape(-1)
            self._left = np.concatenate([self._left, *polar(word)])
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def polar(word: NDArray[np.uint32]) -> tuple[FloatArray, FloatArray]:
    """Return two normal numbers of each word: twenty bits choose the radius, twelve the angle."""
    one = np.float32(1.0)
    m = (word >> np.uint32(12)).astype(np.float32) + np.float32(0.5)
    exponent = np.int32(147) - (m.view(np.int32) >> 23)
    m = (m.view(np.int32) & 0x7FFFFF | 0x3F800000).view(np.float32)
    p = m * np.float32(-0.03405922) + np.float32(0.36740168)
    for coefficient in (-1.7041592, 4.4538869, -7.2942408, 8.4104697, -4.1992957):
        p = p * m + np.float32(coefficient)
    radius = np.sqrt(np.maximum(exponent.astype(np.float32) * np.float32(1.3862944) - p, np.float32(0.0)))
    y = ((word & np.uint32(1023)).astype(np.float32) - np.float32(511.5)) * np.float32(1.5339808e-3)
    z = y * y
    sine = z * (z * np.float32(8.2118634e-3) - np.float32(0.16665731)) * y + y
    cosine = ((np.float32(4.1661411e-2) - z * np.float32(1.3661122e-3)) * z - np.float32(0.49999982)) * z + one
    odd, turned = word >> np.uint32(10) & 1 != 0, word >> np.uint32(11) & 1 != 0
    first = np.where(odd, sine, cosine) * radius
    second = np.where(odd, cosine, sine) * radius
    return np.where(odd ^ turned, -first, first), np.where(turned, -second, second)


def _log(u: FloatArray) -> FloatArray:
    bits = u.view(np.int32)
    exponent = (bits - np.int32(0x3F3504F3)) >> 23
    f = (bits - exponent * np.int32(0x800000)).view(np.float32) - np.float32(1.0)
    s = f / (np.float32(2.0) + f)
    q = s * s
    p = _polynomial(q, (0.11111111, 0.14285715, 0.2, 0.33333334))
    log: FloatArray = exponent.astype(np.float32) * np.float32(0.6931472) + np.float32(2.0) * (s + s * q * p)
    return log


def _cos_sin(t: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return cosine and sine of 2 pi t, from the nearest quarter turn."""
    quarter = np.rint(np.float32(4.0) * t)
    y = (t - quarter * np.float32(0.25)) * np.float32(6.2831855)
    z = y * y
    sine = y + y * z * _polynomial(z, (2.7557319e-06, -1.984127e-04, 8.3333338e-03, -0.16666667))
    cosine = np.float32(1.0) + z * _polynomial(z, (2.4801588e-05, -1.3888889e-03, 4.1666668e-02, -0.5))
    turn = quarter.astype(np.int32)
    odd = (turn & 1).astype(bool)
    return (
        np.where(odd, sine, cosine) * (1 - ((turn + 1) & 2)).astype(np.float32),
        np.where(odd, cosine, sine) * (1 - (turn & 2)).astype(np.float32),
    )


def _polynomial(z: FloatArray, coefficients: tuple[float, ...]) -> FloatArray:
    """Return the polynomial with the given coefficients, the highest power first."""
    result = np.full_like(z, coefficients[0])
    for coefficient in coefficients[1:]:
        result = result * z + np.float32(coefficient)
    return result
