"""What fixed-point words hold of float64 intermediate results."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from archsim.digital.arrays import Array
from archsim.digital.formats import Format
from archsim.digital.rounding import Rounding

__all__ = ["Scaled", "Storage", "Stored"]

#: Takes an intermediate result, which it may overwrite, and returns float32.
Storage = Callable[[NDArray[np.float64]], Array]


class Stored:
    """Numbers of one format: k 2^-f, rounded and saturated.

    Parameters
    ----------
    format_ : Format
        The format.
    rounding : Rounding
        How k becomes whole.
    """

    def __init__(self, format_: Format, rounding: Rounding) -> None:
        self._format = format_
        self._rounding = rounding

    def __call__(self, v: NDArray[np.float64]) -> Array:
        """Return what is left of numbers."""
        v *= 1 / self._format.step
        return _word(v, self._format, self._rounding, self._format.step)


class Scaled:
    """Vectors k 2^(e - f): the words k have one format, and each vector an exponent e of its own.

    A vector is an entry of the array's first axis, or the whole of an array of one axis. Its exponent is the smallest
    one of a range with which its largest magnitude fits, |v| <= (2^(i - 1) - 2^-f) 2^e; beyond the range words
    saturate, or become small. A vector of zeros has the smallest exponent.

    Parameters
    ----------
    format_ : Format
        Format of the words, with a sign.
    exponents : tuple of int
        The smallest and the largest exponent.
    rounding : Rounding
        How k becomes whole.
    """

    def __init__(self, format_: Format, exponents: tuple[int, int], rounding: Rounding) -> None:
        self._format = format_
        self._exponents = exponents
        self._rounding = rounding

    def __call__(self, v: NDArray[np.float64]) -> Array:
        """Return what is left of vectors."""
        step = np.ldexp(self._format.step, self._of_vectors(v))
        v /= step
        return _word(v, self._format, self._rounding, step)

    def _of_vectors(self, v: NDArray[np.float64]) -> NDArray[np.intc]:
        """Return the exponent of each vector, in a shape that broadcasts."""
        axes = tuple(range(1 if v.ndim > 1 else 0, v.ndim))
        largest = np.abs(v).max(axis=axes, keepdims=True, initial=0.0)
        exponents = np.frexp(largest)[1] - (self._format.integer - 1)
        fits = np.ldexp(self._format.highest * self._format.step, exponents)
        exponents += largest > fits
        lowest, highest = self._exponents
        exponents[largest == 0] = lowest
        exponents[np.isinf(largest)] = highest
        bounded: NDArray[np.intc] = np.clip(exponents, lowest, highest)
        return bounded


def _word(v: NDArray[np.float64], format_: Format, rounding: Rounding, step: float | NDArray[np.float64]) -> Array:
    """Return v rounded to whole numbers that the format has, times a step."""
    v = np.clip(rounding(v), format_.lowest, format_.highest)
    v *= step
    v += 0.0  # A word has one zero.
    return v.astype(np.float32)
