"""Every operation of the fixed-point unit equals a unit in integers on a million inputs, bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import expit

from archsim.digital.arithmetic import Arithmetic, make_arithmetic
from archsim.digital.rounding import Draws
from archsim.digital.specification import FixedPointSettings
from tests.digital.integer_unit import Q, Words, numbers, whole

ROUNDINGS = ("nearest", "truncate", "stochastic")
PLACE, FIRST, SEED = (3, 1), 40, 11
#: Operands: words of 16 bits, of which 10 behind the point.
WIDE = Q(True, 6, 10)
#: A thousand vectors of a thousand.
SHAPE = (1000, 1000)


@dataclass(frozen=True)
class Exact:
    """Exact results top / (bottom 2^f), a vector of them in each row."""

    top: Words
    bottom: Words | int
    f: int


@dataclass(frozen=True)
class Unit:
    """One of the units of an arithmetic: what it is called, the format of its words, and the range of exponents."""

    name: str
    q: Q
    exponents: tuple[int, int] | None = None

    def made(self, rounding: str) -> tuple[Arithmetic, Arithmetic]:
        """Return the arithmetic and the unit, which for `forward` is the arithmetic itself."""
        settings: dict[str, Any] = {self.name: self.q.text, "rounding": rounding}
        if self.exponents:
            settings["exponents"] = self.exponents
        arithmetic = make_arithmetic(FixedPointSettings(**settings), seed=SEED)
        return arithmetic, arithmetic if self.name == "forward" else getattr(arithmetic, self.name)

    def stored(self, exact: Exact, rounding: str) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what is left of results, and which of them were saturated."""
        draws = Draws(SEED)
        draws.begin(PLACE, FIRST, len(exact.top))
        random = (draws.uniforms(exact.top.shape) * 2.0**24).astype(np.int64)
        e = self._exponents(exact)
        # Words are whole at top 2^up / bottom.
        up = self.q.f - exact.f - e
        top, bottom = exact.top << np.maximum(up, 0), exact.bottom << np.maximum(-up, 0)
        words = whole(top, np.broadcast_to(bottom, top.shape), rounding, random)
        kept = self.q.saturated(words)
        return numbers(kept, self.q.f - e), kept != words

    def _exponents(self, exact: Exact) -> Words:
        """Return the smallest exponent of each row with which its largest magnitude fits."""
        if self.exponents is None:
            return np.zeros((len(exact.top), 1), np.int64)
        lowest, highest = self.exponents
        found = np.full((len(exact.top), 1), highest, np.int64)
        for e in range(highest - 1, lowest - 1, -1):
            # |top| / (bottom 2^f) <= high 2^(e - q.f), both times what makes them whole.
            up = exact.f + e - self.q.f
            small, large = np.abs(exact.top) << max(-up, 0), self.q.high * np.asarray(exact.bottom) << max(up, 0)
            found[(small <= large).all(axis=1)] = e
        return found


UNITS = [
    Unit("forward", Q(True, 4, 4)),
    Unit("forward", Q(True, 8, 14)),
    Unit("backward", Q(True, 1, 7), (-6, 3)),
    Unit("update", Q(True, 2, 14), (-6, 3)),
    Unit("parameters", Q(True, 5, 11)),
]


def equal(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Whether two arrays of float32 have the same bits."""
    assert found.dtype == expected.dtype == np.float32
    return found.shape == expected.shape and bool((found.view(np.int32) == expected.view(np.int32)).all())


@pytest.mark.parametrize("rounding", ROUNDINGS)
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: f"{unit.name}-{unit.q.text}")
def test_every_operation(unit: Unit, rounding: str) -> None:
    random, f = np.random.default_rng(3), WIDE.f
    # Vectors of different size: with a power of two, some are too large for the range of exponents, some too small.
    size = random.integers(0, 12, (SHAPE[0], 1)) if unit.exponents else 0
    x, y = (WIDE.random(random, SHAPE) >> size for _ in range(2))
    y[y == 0] = 1
    a, b = numbers(x, f), numbers(y, f)
    arithmetic, made = unit.made(rounding)
    operations = {
        "number": (lambda: made.number(a), Exact(x, 1, f)),
        "add": (lambda: made.add(a, b), Exact(x + y, 1, f)),
        "subtract": (lambda: made.subtract(a, b), Exact(x - y, 1, f)),
        "multiply": (lambda: made.multiply(a, b), Exact(x * y, 1, 2 * f)),
        "divide": (lambda: made.divide(a, b), Exact(x * np.sign(y), np.abs(y), 0)),
        "total": (lambda: made.total(a, 1)[:, None], Exact(x.sum(axis=1, keepdims=True), 1, f)),
        "mean": (lambda: made.mean(a[:, :999], 1)[:, None], Exact(x[:, :999].sum(axis=1, keepdims=True), 999, f)),
        "matmul": (
            lambda: made.matmul(a.reshape(-1, 25, 40), b.reshape(-1, 40, 25)).reshape(len(x), -1),
            Exact(np.matmul(x.reshape(-1, 25, 40), y.reshape(-1, 40, 25)).reshape(len(x), -1), 1, 2 * f),
        ),
    }
    saturated = []
    for operation, (compute, exact) in operations.items():
        arithmetic.begin(PLACE, FIRST, len(x))
        expected, beyond = unit.stored(exact, rounding)
        assert equal(compute(), expected), operation
        saturated.append(beyond.mean())
    assert max(saturated) > 0


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_looked_up_and_other_functions(rounding: str) -> None:
    """A table knows the highest bits of a word; other functions are rounded once, here the root of whole squares."""
    random, q, entries = np.random.default_rng(4), Q(True, 3, 7), 64
    made = make_arithmetic(FixedPointSettings(forward=q.text, rounding=rounding, table_entries=entries), seed=SEED)
    # Operands may be finer than the format, and beyond its ends.
    x = Q(True, 5, 12).random(random, 1_000_000)
    words = q.saturated(x >> 5)
    share = 2 ** (q.i + q.f) // entries
    means = ((words // share) * share + (share - 1) / 2) / 2**q.f
    for f in (np.tanh, expit):
        expected = q.saturated(np.rint(f(means) * 2**q.f).astype(np.int64))
        assert equal(made.function(f, numbers(x, 12)), numbers(expected, q.f))
    squares = random.integers(0, 2**20, SHAPE)
    roots = np.fromiter((isqrt(int(n) << 44) for n in squares.ravel()), np.int64).reshape(SHAPE)
    made.begin(PLACE, FIRST, SHAPE[0])
    # sqrt(n 2^-16) = sqrt(n 2^44) 2^-30: its whole part tells all but a root that hits the middle of two words.
    expected, _ = Unit("forward", q).stored(Exact(2 * roots + (roots * roots != squares << 44), 1, 31), rounding)
    assert equal(made.function(np.sqrt, numbers(squares, 16)), expected)
