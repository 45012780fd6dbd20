"""The digital logic beside an array against its twin, to the last bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim._core import digital
from archsim.analog import reference


@given(st.integers(0, 7), st.integers(0, 40), st.integers(0, 9), st.integers(0, 99), st.floats(0.0, 1.0))
def test_maxima_are_followed(vectors, inputs, outputs, seed, rate):
    random = np.random.default_rng(seed)
    x = random.normal(size=(vectors, inputs)).astype(np.float32)
    d = random.normal(size=(vectors, outputs)).astype(np.float32)
    x[random.random(vectors) < 0.3] = 0.0
    d[random.random(vectors) < 0.3] = 0.0
    maxima, products = random.choice([0.0, 0.7], 2), np.full(vectors, np.nan)
    expected = reference.follow_maxima(x, d, rate, maxima)
    digital.follow_maxima(x, d, rate, maxima, products)
    np.testing.assert_array_equal(maxima, expected[0])
    np.testing.assert_array_equal(products, expected[1])


@given(
    st.integers(0, 5),
    st.integers(0, 40),
    st.integers(0, 99),
    st.sampled_from([1.0, 0.25, 0.3]),
    st.sampled_from([1, 5, 31]),
    st.sampled_from([(0.0, 0.0), (0.1, 0.0), (1.0, 0.7)]),
    st.sampled_from([np.inf, 2.0]),
)
def test_whole_thresholds_are_taken(lines, cells, seed, threshold, most, rule, limit):
    values = np.random.default_rng(seed).normal(scale=3.0, size=(lines, cells)).astype(np.float32)
    values[:, ::3] *= 0.05
    values[:, 7::11] = np.nan
    values[:, 8::11] = np.inf
    with np.errstate(invalid="ignore"):
        expected, expected_counts = reference.let_go(values, threshold, most, *rule, limit)
    counts = np.full_like(values, np.nan)
    written = digital.let_go(values, counts, threshold, most, *rule, limit)
    np.testing.assert_array_equal(values, expected)
    np.testing.assert_array_equal(counts, expected_counts)
    assert written == np.count_nonzero(expected_counts.any(axis=1))


def test_shapes_must_fit():
    x, d = np.zeros((3, 4), np.float32), np.zeros((3, 2), np.float32)
    with pytest.raises(ValueError, match="shapes of x"):
        digital.follow_maxima(x, d[:2], 0.1, np.zeros(2), np.zeros(3))
    with pytest.raises(ValueError, match="shapes of x"):
        digital.follow_maxima(x, d, 0.1, np.zeros(1), np.zeros(3))
    with pytest.raises(ValueError, match="shapes of x"):
        digital.follow_maxima(x, d, 0.1, np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="shapes of values"):
        digital.let_go(x, d, 1.0, 1, 0.0, 0.0, np.inf)
