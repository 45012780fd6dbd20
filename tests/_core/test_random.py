"""Philox against published vectors, normals against the twin and against the normal law."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog import reference

from .instruction_sets import ALL, load


@pytest.fixture(params=ALL)
def kernels(request):
    return load(request.param)


# Known answers of Random123 (https://github.com/DEShawResearch/random123, kat_vectors, philox4x32 with 7 rounds).
KNOWN = [
    ([0, 0, 0, 0], 0, [0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48]),
    ([0xFFFFFFFF] * 4, 2**64 - 1, [0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        0x299F31D0_A4093822,
        [0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A],
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_philox_known_answers(kernels, counter, key, expected):
    counters = np.array([counter], np.uint32)
    kernels.philox(counters, key)
    assert counters[0].tolist() == expected
    assert reference.philox(np.array(counter, np.uint32), key).tolist() == expected


@pytest.mark.parametrize("count", [0, 1, 15, 16, 63, 64, 65, 1000])
def test_philox_equals_its_twin(kernels, count):
    counters = np.random.default_rng(count).integers(0, 2**32, (count, 4), dtype=np.uint32)
    expected = reference.philox(counters, 2**63 + 12345)
    kernels.philox(counters, 2**63 + 12345)
    np.testing.assert_array_equal(counters, expected)


@pytest.mark.parametrize("count", [0, 1, 17, 64, 1000])
def test_normals_equal_their_twin_bit_for_bit(kernels, count):
    out = np.empty((count, 4), np.float32)
    vector = 2**40 + 7
    kernels.normals(out, 99, 1234, 7, vector, 5, 3, 2)
    word = reference.words(5 + np.arange(count), 99, 1234, 7, vector, draw=3, attempt=2)
    np.testing.assert_array_equal(out.view(np.uint32), reference.normals(word).view(np.uint32))


def test_extreme_words_give_finite_normals():
    extremes = np.array(
        [[a, b, b, a] for a in (0, 255, 2**32 - 1) for b in (0, 2**31 - 1, 2**31, 2**32 - 1)], np.uint32
    )
    values = reference.normals(extremes)
    assert np.isfinite(values).all()
    assert np.abs(values).max() == pytest.approx(np.sqrt(-2 * np.log(2.0**-25)), rel=1e-6)


def test_normals_are_accurate():
    word = reference.words(np.arange(10_000), 1, 0, 1, 0)
    u = (word[:, 0] >> 8) * 2.0**-24 + 2.0**-25
    t = (word[:, 1].astype(np.int32) >> 8) * 2.0**-24
    exact = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * t)
    assert np.abs(reference.normals(word)[:, 0] - exact).max() < 2e-6


def test_the_four_normals_of_a_counter_are_normal_and_independent():
    # Each check has a false-alarm rate of 1e-4 (fixed seed: it passes or fails for good).
    out = np.empty((200_000, 4), np.float32)
    load("baseline").normals(out, 3, 0, 7, 0, 0, 0, 0)
    for column in out.T:
        assert stats.kstest(column, "norm").pvalue > 1e-4
    correlations = np.corrcoef(np.concatenate([out.T, out.T**2]))[np.triu_indices(8, 1)]
    assert np.abs(correlations).max() < stats.norm.isf(0.5e-4 / 28) / np.sqrt(len(out))


def test_fields_of_the_counter_separate_the_numbers(kernels):
    def draw(key=1, crossbar=1, purpose=1, vector=1, element=0, draw=1, attempt=1):
        out = np.empty((64, 4), np.float32)
        kernels.normals(out, key, crossbar, purpose, vector, element, draw, attempt)
        return out

    base = draw()
    for other in (
        draw(key=2),
        draw(key=1 + 2**40),
        draw(crossbar=2),
        draw(purpose=2),
        draw(vector=2),
        draw(vector=1 + 2**33),
        draw(draw=2),
        draw(attempt=2),
    ):
        assert not np.isin(base, other).any()
    np.testing.assert_array_equal(draw(element=16)[:48], base[16:])


@pytest.mark.parametrize("count", [0, 1, 64, 128, 129, 1000])
def test_series_equal_their_twin_bit_for_bit(kernels, count):
    out = np.empty(count, np.float32)
    kernels.series(out, 2**63 + 7, 2**20 - 1, 5, 2**40 + 7, 3)
    expected = reference.Series(2**63 + 7, 2**20 - 1, 5, 2**40 + 7, 3)
    parts = [expected.take(n) for n in (count // 3, 0, count - count // 3)]
    np.testing.assert_array_equal(out.view(np.uint32), np.concatenate(parts).view(np.uint32))


def series(count, key=3, crossbar=0, purpose=5, vector=0, block=0):
    out = np.empty(count, np.float32)
    load("baseline").series(out, key, crossbar, purpose, vector, block)
    return out


def test_a_series_is_normal_and_its_numbers_are_independent():
    # Each check has a false-alarm rate of 1e-4. Two numbers of a word are 64 apart.
    numbers = series(2**20).astype(np.float64)
    assert stats.kstest(numbers, "norm").pvalue > 1e-4
    moments = [(numbers**k).mean() for k in (1, 2, 3, 4)]
    errors = np.sqrt(np.array([1, 2, 15, 96]) / len(numbers))
    assert (np.abs(moments - np.array([0, 1, 0, 3])) / errors).max() < stats.norm.isf(0.5e-4 / 4)
    limit = stats.norm.isf(0.5e-4 / 256) / np.sqrt(len(numbers))
    for values in (numbers, np.abs(numbers) - np.sqrt(2 / np.pi)):
        for lag in range(1, 129):
            assert abs((values[lag:] * values[:-lag]).mean()) / (values**2).mean() < limit


def test_every_word_gives_two_finite_normals_of_the_right_size():
    # all radii and all angles: the distribution functions of both differ by less than 1e-5 of those that are meant
    radii = np.arange(2**20, dtype=np.uint32) << 12
    first, second = reference.polar(radii | 3)
    squares = first.astype(np.float64) ** 2 + second.astype(np.float64) ** 2
    assert np.isfinite(squares).all()
    expected = -2 * np.log((np.arange(2**20) + 0.5) * 2.0**-20)
    np.testing.assert_allclose(np.exp(-squares / 2), np.exp(-expected / 2), atol=1e-5)
    assert np.sqrt(squares.max()) == pytest.approx(np.sqrt(2 * 21 * np.log(2)), abs=1e-3)
    first, second = (v.astype(np.float64) for v in reference.polar(np.arange(4096, dtype=np.uint32) | 1 << 30))
    turns = np.sort(np.arctan2(second, first) / (2 * np.pi) % 1)
    np.testing.assert_allclose(turns, (np.arange(4096) + 0.5) / 4096, atol=1e-5)


def test_fields_of_a_series_separate_the_numbers():
    base = series(256)
    changes = [{"key": 4}, {"crossbar": 1}, {"purpose": 6}, {"vector": 1}, {"vector": 2**33}, {"block": 1}]
    for other in [series(256, **change) for change in changes]:
        assert not np.isin(base, other).any()


def test_wrong_shape_is_refused(kernels):
    with pytest.raises(ValueError, match="fours"):
        kernels.normals(np.empty((3, 2), np.float32), 1, 0, 1, 0, 0, 0, 0)
    with pytest.raises(ValueError, match="four words"):
        kernels.philox(np.empty((3, 2), np.uint32), 1)
