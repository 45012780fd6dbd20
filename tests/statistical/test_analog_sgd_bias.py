"""Where gradient noise drives analog SGD, against its mean dynamics (arXiv:2406.12774)."""

import numpy as np
import pytest
from scipy import optimize, stats

from archsim.analog import Crossbar
from archsim.analog.periphery import Streams
from archsim.analog.specification import SoftBounds

CELLS, RATE, STEP, TAU = 800, 0.002, 0.0005, 0.8


def settled(curvature, target, sigma):
    """Return the root of L (w - w*) + (w / tau) E|L (w - w*) + sigma N| = 0."""

    def drift(w):
        mean = curvature * (w - target)
        folded = sigma * np.sqrt(2 / np.pi) * np.exp(-((mean / sigma) ** 2) / 2) + mean * (
            1 - 2 * stats.norm.cdf(-mean / sigma)
        )
        return mean + w / TAU * folded

    return optimize.brentq(drift, -TAU, TAU)


def soft_bounds():
    """Return a crossbar of equal cells, TAU from zero to both bounds."""
    device = SoftBounds(
        dw_min=STEP, w_max=TAU, w_min=-TAU, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0, dw_min_std=0.3
    )
    return Crossbar(1, CELLS, device, streams=Streams(noise_seed=2))


@pytest.mark.parametrize("start", [0.6, -0.3])
def test_noise_without_a_signal_pulls_weights_to_the_symmetric_point(start):
    # E w_k = w_0 (1 - lr mu / tau)^k for gradients of mean zero and mean magnitude mu; at a rate of 1e-4
    crossbar = soft_bounds()
    crossbar.program(np.full((CELLS, 1), start))
    rng = np.random.default_rng(6)
    x, steps, rate = np.ones((1, 1), np.float32), 250, 0.004
    for k in range(steps):
        crossbar.update(x, rng.standard_normal((1, CELLS)), rate, k)
    weights = crossbar.weights.astype(np.float64)
    expected = start * (1 - rate * np.sqrt(2 / np.pi) / TAU) ** steps
    assert abs(expected) < 0.5 * abs(start)
    assert abs(weights.mean() - expected) < stats.norm.isf(0.5e-4) * weights.std() / np.sqrt(CELLS)


@pytest.mark.parametrize(
    ("curvature", "target", "sigma"), [(1.0, 0.3, 1.0), (1.0, -0.4, 0.5), (2.0, 0.3, 1.0), (1.0, 0.0, 1.0)]
)
def test_it_settles_between_target_and_symmetric_point(curvature, target, sigma):
    crossbar = soft_bounds()
    crossbar.program(np.full((CELLS, 1), target))
    rng = np.random.default_rng(4)
    x, means = np.ones((1, 1), np.float32), []
    for k in range(3000):
        error = curvature * (crossbar.weights.T - target) + sigma * rng.standard_normal((1, CELLS))
        crossbar.update(x, error, RATE, k)
        if k >= 1500:
            means.append(crossbar.weights.mean())
    # The weights of a cell scatter by about 0.03 and forget in about 300 vectors: the mean of 800 cells over 1500
    # vectors is within 0.0005, so 0.003 is six deviations (rate below 1e-8) and leaves room for terms of order RATE.
    expected = settled(curvature, target, sigma)
    assert np.mean(means) == pytest.approx(expected, abs=0.003)
    if target:
        assert abs(expected - target) > 0.05
