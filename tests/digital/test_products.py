"""Products with matrices that a digital unit holds: in float32 by hand, in fixed point by an integer unit."""

from __future__ import annotations

import numpy as np
import pytest

from archsim.digital.arithmetic import FLOAT32, make_arithmetic
from archsim.digital.specification import FixedPointSettings, Float16Settings

from .integer_unit import Q, exponents, numbers, shifted

FORWARD, BACKWARD, UPDATE, WEIGHTS = Q(True, 4, 4), Q(True, 1, 7), Q(True, 1, 15), Q(True, 8, 16)


def test_float32_products_add_in_the_order_of_their_terms() -> None:
    rng = np.random.default_rng(1)
    x, w, d = (rng.normal(size=shape).astype(np.float32) for shape in ((7, 9), (4, 9), (7, 4)))
    product, outer = np.zeros((7, 4), np.float32), np.zeros((4, 9), np.float32)
    for k in range(9):
        product += x[:, k, None] * w[:, k]
    for v in range(7):
        outer += d[v, :, None] * x[v]
    np.testing.assert_array_equal(FLOAT32.product(x, w), product)
    np.testing.assert_array_equal(FLOAT32.outer_products(d, x), outer)
    np.testing.assert_array_equal(FLOAT32.product(x[2:5], w), product[2:5])


def test_half_precision_rounds_a_product_once() -> None:
    rng = np.random.default_rng(2)
    x, w = (rng.normal(size=(6, 8)).astype(np.float16).astype(np.float32) for _ in range(2))
    unit = make_arithmetic(Float16Settings())
    np.testing.assert_array_equal(unit.product(x, w), FLOAT32.product(x, w).astype(np.float16))


@pytest.mark.parametrize("rounding", ["nearest", "truncate"])
def test_fixed_point_products_are_those_of_integers(rounding: str) -> None:
    """Forward saturates; errors and gradients take an exponent for each vector, and for each row."""
    settings = FixedPointSettings(rounding=rounding)
    unit, rng = make_arithmetic(settings), np.random.default_rng(3)
    x, w = FORWARD.random(rng, (300, 12)), WEIGHTS.random(rng, (10, 12)) >> 4
    up = rng.integers(-6, 3, 300)
    d = BACKWARD.random(rng, (300, 10))
    vectors, weights = numbers(x, FORWARD.f), numbers(w, WEIGHTS.f)
    errors = np.ldexp(numbers(d, BACKWARD.f), up[:, None].astype(np.int32))

    exact = x @ w.T
    words = FORWARD.saturated(shifted(exact, WEIGHTS.f, rounding))
    assert (words == FORWARD.high).any()
    np.testing.assert_array_equal(unit.product(vectors, weights), numbers(words, FORWARD.f))

    back = (d << (up[:, None] + 6)) @ w
    e = exponents(back, BACKWARD.f + 6 + WEIGHTS.f, BACKWARD, *settings.exponents)
    right = (6 + WEIGHTS.f + e)[:, None]
    words = BACKWARD.saturated(shifted(back, right, rounding))
    np.testing.assert_array_equal(unit.backward.product(errors, weights.T), numbers(words, BACKWARD.f - e[:, None]))

    outer = (d << (up[:, None] + 6)).T @ x
    fraction = BACKWARD.f + 6 + FORWARD.f
    e = exponents(outer, fraction, UPDATE, *settings.exponents)
    words = UPDATE.saturated(shifted(outer, (fraction - UPDATE.f + e)[:, None], rounding))
    found = unit.update.outer_products(errors, vectors)
    np.testing.assert_array_equal(found, numbers(words, UPDATE.f - e[:, None]))
