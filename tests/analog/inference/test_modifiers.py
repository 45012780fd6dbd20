"""What modified weights are, by the moments of their change. Seeds are fixed; false-alarm rates are stated."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog.inference.draws import Draws
from archsim.analog.inference.modifiers import clip_weights, modify_weights
from archsim.analog.specification.hardware_aware import (
    AddNormal,
    Discretize,
    DoReFa,
    FixedValue,
    LayerGaussian,
    MultNormal,
    Polynomial,
    ProgrammingNoise,
)

from .programmed import matrix

WEIGHTS = 0.5 * matrix(80, 100)
LARGEST = 0.5
DRAWS = Draws(80, 100, seed=9, identity=3)
U = np.abs(WEIGHTS.astype(np.float64)) / LARGEST


def change(modifier, mini_batch=0):
    return modify_weights(WEIGHTS, modifier, DRAWS, mini_batch).astype(np.float64) - WEIGHTS


@pytest.mark.parametrize(
    ("modifier", "deviation"),
    [
        (AddNormal(std_dev=0.1), np.full(WEIGHTS.shape, 0.1 * LARGEST)),
        (MultNormal(std_dev=0.2), 0.2 * LARGEST * np.abs(WEIGHTS)),
        (Polynomial(std_dev=0.5, coeffs=(0.1, 0.2)), 0.5 * LARGEST * (0.1 + 0.2 * U)),
    ],
    ids=["add-normal", "mult-normal", "polynomial"],
)
def test_noise_is_normal_with_its_deviation(modifier, deviation):
    # Kolmogorov-Smirnov of 8,000 numbers, 1e-4
    assert stats.kstest((change(modifier) / deviation).ravel(), "norm").pvalue > 1e-4


def test_programming_noise_is_that_of_a_pair():
    # Where g+ and g- are 0 in the mean, one is max(sigma_0 xi, 0): where |w| is large, the change has the mean
    # -sigma_0 E[max(xi, 0)] sign(w) and the variance sigma(g)^2 + sigma_0^2 (1/2 - 1/(2 pi)). Sum over about 1,600
    # weights in units of the deviation, two-sided, 1e-4 for each of mean and variance.
    far = U > 0.8
    towards = -np.sign(WEIGHTS[far]) * change(ProgrammingNoise())[far] / LARGEST * 25.0
    sigma_0, sigma = 0.26348, 0.26348 + 1.9650 * U[far] - 1.1731 * U[far] ** 2
    variance = sigma**2 + sigma_0**2 * (0.5 - 0.5 / np.pi)
    z = (towards - sigma_0 / np.sqrt(2 * np.pi)) / np.sqrt(variance)
    limit = stats.norm.isf(0.5e-4)
    assert abs(z.mean()) < limit / np.sqrt(len(z))
    assert abs((z**2).mean() - 1) < limit * np.sqrt(2 / len(z))
    quiet = ProgrammingNoise(prog_noise_scale=0.0)
    assert np.abs(change(quiet)).max() < 1e-7


def test_every_mini_batch_has_its_own_noise():
    modifier = AddNormal()
    assert np.array_equal(change(modifier, 4), change(modifier, 4))
    # 8,000 pairs: the correlation of independent numbers is below 4.06 / sqrt(8000) but for 5e-5
    between = np.corrcoef(change(modifier, 4).ravel(), change(modifier, 5).ravel())[0, 1]
    assert abs(between) < 4.06 / np.sqrt(WEIGHTS.size)


@pytest.mark.parametrize(("modifier", "levels"), [(Discretize(res=1 / 6), 7), (DoReFa(res=1 / 6), 7)])
def test_rounding_leaves_its_levels(modifier, levels):
    rounded = modify_weights(WEIGHTS, modifier, DRAWS, 0)
    assert np.unique(rounded) == pytest.approx(np.linspace(-LARGEST, LARGEST, levels), abs=1e-7)
    assert (np.sign(rounded) * np.sign(WEIGHTS) >= 0).all()


def test_discretize_rounds_to_the_nearest():
    assert np.abs(change(Discretize(res=1 / 6))).max() <= LARGEST / 6 + 1e-7


def test_dorefa_rounds_the_hyperbolic_tangent():
    weights = np.array([[3.0, -1.0, 0.1]], np.float32)
    # tanh(1) / tanh(3) = 0.765 rounds to 2/3, tanh(0.1) / tanh(3) = 0.1002 to 0, in steps of 1/3
    changed = modify_weights(weights, DoReFa(res=1 / 6), Draws(1, 3, seed=1, identity=0), 0)
    assert changed == pytest.approx(np.array([[3.0, -2.0, 0.0]]))


def test_a_matrix_of_zeros_stays():
    zeros = np.zeros((2, 3), np.float32)
    for modifier in (AddNormal(), Discretize(), DoReFa(), ProgrammingNoise()):
        assert not modify_weights(zeros, modifier, Draws(2, 3, seed=1, identity=0), 0).any()


def test_clipping():
    assert np.abs(clip_weights(WEIGHTS, FixedValue(value=0.2))).max() == np.float32(0.2)
    normal = np.random.default_rng(1).normal(0, 0.3, (50, 50)).astype(np.float32)
    clipped = clip_weights(normal, LayerGaussian(sigma=2.0))
    assert np.abs(clipped).max() == pytest.approx(2.0 * normal.std(), rel=1e-5)
    inside = np.abs(normal) < 1.9 * normal.std()
    assert np.array_equal(clipped[inside], normal[inside])
