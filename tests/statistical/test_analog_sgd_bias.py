"""Where analog SGD settles on a noisy quadratic, against the root of its mean dynamics (arXiv:2406.12774)."""

import numpy as np
import pytest
from scipy import optimize, stats

from archsim.analog import Crossbar
from archsim.analog.specification import IOParameters, SoftBounds, UpdateParameters

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


@pytest.mark.parametrize(
    ("curvature", "target", "sigma"), [(1.0, 0.3, 1.0), (1.0, -0.4, 0.5), (2.0, 0.3, 1.0), (1.0, 0.0, 1.0)]
)
def test_it_settles_between_target_and_symmetric_point(curvature, target, sigma):
    device = SoftBounds(
        dw_min=STEP, w_max=TAU, w_min=-TAU, dw_min_dtod=0, w_max_dtod=0, w_min_dtod=0, up_down_dtod=0, dw_min_std=0.3
    )
    crossbar = Crossbar(
        1,
        CELLS,
        device,
        IOParameters(),
        IOParameters(),
        UpdateParameters(),
        dac_bits=7,
        adc_bits=9,
        identity=0,
        device_seed=1,
        noise_seed=2,
    )
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
