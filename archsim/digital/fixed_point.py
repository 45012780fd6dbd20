"""The fixed-point near-memory unit: words of few bits, wide intermediate results that are rounded once."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from archsim.digital.arithmetic import Arithmetic, Operand
from archsim.digital.arrays import Array
from archsim.digital.formats import Format
from archsim.digital.products import stacked_product, vector_product
from archsim.digital.rounding import Draws, make_rounding
from archsim.digital.specification import FixedPointSettings
from archsim.digital.storage import Scaled, Storage, Stored

__all__ = ["FixedPoint"]

#: Functions that are looked up in a table; others are rounded from their exact values.
_LOOKED_UP = (expit, np.tanh)


class _Unit(Arithmetic):
    """Operations whose intermediate results are exact in 53 bits and are stored once.

    Parameters
    ----------
    settings : FixedPointSettings
        The formats of columns.
    storage : Storage
        What is left of a result.
    """

    def __init__(self, settings: FixedPointSettings, storage: Storage) -> None:
        super().__init__(settings)
        self._store = storage
        nearest = make_rounding("nearest", Draws(0))
        self._scale = Stored(settings.scale.value, nearest)
        self._offset = Stored(settings.offset.value, nearest)
        #: What an offset counts.
        self._step = settings.forward.step

    def number(self, x: Array) -> Array:
        """Return what is left of numbers from elsewhere."""
        return self._store(np.array(x, np.float64))

    def add(self, x: Operand, y: Operand) -> Array:
        """Return x + y, rounded once."""
        return self._store(_wide(np.add(x, y, dtype=np.float64)))

    def subtract(self, x: Operand, y: Operand) -> Array:
        """Return x - y, rounded once."""
        return self._store(_wide(np.subtract(x, y, dtype=np.float64)))

    def multiply(self, x: Operand, y: Operand) -> Array:
        """Return x * y, rounded once."""
        return self._store(_wide(np.multiply(x, y, dtype=np.float64)))

    def divide(self, x: Operand, y: Operand) -> Array:
        """Return x / y, rounded once; x / 0 saturates, and 0 / 0 is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            quotient = _wide(np.divide(x, y, dtype=np.float64))
        quotient[np.isnan(quotient)] = 0.0
        return self._store(quotient)

    def total(self, x: Array, axis: int) -> Array:
        """Return the sum along an axis, accumulated exactly and rounded once; over the first one it is one vector."""
        return self._reduced(np.add.reduce(x, axis=axis, dtype=np.float64), x, axis)

    def mean(self, x: Array, axis: int) -> Array:
        """Return the mean along an axis: the sum as that of `total`, divided before it is rounded."""
        return self._reduced(np.add.reduce(x, axis=axis, dtype=np.float64) / x.shape[axis], x, axis)

    def _reduced(self, result: Any, x: Array, axis: int) -> Array:
        """Store what is left of an axis of x."""
        wide = _wide(result)
        vectors = 1 if axis % x.ndim == 0 else len(wide)
        return self._store(wide.reshape(vectors, -1)).reshape(wide.shape)

    def matmul(self, x: Array, y: Array) -> Array:
        """Return x @ y for stacks of matrices, each sum accumulated exactly and rounded once."""
        return self._store(_wide(stacked_product(x.astype(np.float64), y.astype(np.float64))))

    def product(self, x: Array, weights: Array) -> Array:
        """Return x @ weights.T, each sum accumulated exactly and rounded once."""
        return self._store(_wide(vector_product(x.astype(np.float64), weights.astype(np.float64))))

    def outer_products(self, d: Array, x: Array) -> Array:
        """Return d.T @ x, each sum accumulated exactly and rounded once; a row is a vector."""
        return self._store(_wide(vector_product(d.T.astype(np.float64), x.T.astype(np.float64))))

    def function(self, f: np.ufunc, x: Array) -> Array:
        """Return a function of numbers, rounded once from its exact value."""
        with np.errstate(all="ignore"):
            values = _wide(f(np.asarray(x, np.float64)))
        values[np.isnan(values)] = 0.0
        return self._store(values)

    def affine(self, a: Array, scale: Array | None, offset: Array | None) -> Array:
        """Return scale * a + offset with both in the formats of columns, rounded once."""
        if scale is None and offset is None:
            return a
        y: NDArray[np.float64] = np.array(a, np.float64)
        if scale is not None:
            y *= self._scale(np.array(scale, np.float64))
        if offset is not None:
            y += self._offset(np.array(offset, np.float64) / self._step) * np.float64(self._step)
        return self._store(y)


class FixedPoint(_Unit):
    """Fixed point: words of stated formats with rounding and saturation, a power of two for each vector of errors.

    Every operation is exact in 53 bits, rounded once and saturated (a unit with a wide accumulator). Scales and biases
    of columns are applied in formats of their own, both in one step. Sigmoid and tanh are looked up in a table.
    """

    Settings = FixedPointSettings

    def __init__(self, settings: FixedPointSettings) -> None:
        self._draws = Draws(0)
        rounding = make_rounding(settings.rounding, self._draws)
        super().__init__(settings, Stored(settings.forward, rounding))
        self.backward = _Unit(settings, Scaled(settings.backward, settings.exponents, rounding))
        self.update = _Unit(settings, Scaled(settings.update, settings.exponents, rounding))
        self.parameters = _Unit(settings, Stored(settings.parameters, rounding))
        for unit in (self.backward, self.update):
            unit.update, unit.parameters = self.update, self.parameters
        self._tables: dict[np.ufunc, _Table] = {
            f: _Table(f, settings.forward, settings.table_entries) for f in _LOOKED_UP
        }

    def function(self, f: np.ufunc, x: Array) -> Array:
        """Return sigmoid and tanh from their tables, another function rounded once from its exact value."""
        table = self._tables.get(f)
        return super().function(f, x) if table is None else table(x)

    def seed(self, seed: int) -> None:
        """Draw by the seed of a run."""
        self._draws.seed(seed)

    def begin(self, place: tuple[int, ...], first_sample: int, samples: int) -> None:
        """Draw by what is computed next."""
        self._draws.begin(place, first_sample, samples)


class _Table:
    """A function of numbers of a format, looked up by the highest bits of their words.

    An entry holds the function of the mean of the words that share it.
    """

    def __init__(self, f: np.ufunc, format_: Format, entries: int) -> None:
        self._format = format_
        self._shift = max(0, format_.bits - entries.bit_length() + 1)
        words = np.arange(format_.lowest, format_.highest + 1, 2**self._shift)
        means = (words + (2**self._shift - 1) / 2) * format_.step
        self._entries = Stored(format_, make_rounding("nearest", Draws(0)))(f(means))

    def __call__(self, x: Array) -> Array:
        words = np.floor(np.asarray(x, np.float64) / self._format.step)
        index = np.clip(words, self._format.lowest, self._format.highest).astype(np.int64) - self._format.lowest
        found: Array = self._entries[index >> self._shift]
        return found


def _wide(x: Any) -> NDArray[np.float64]:
    return cast(NDArray[np.float64], np.asarray(x))
