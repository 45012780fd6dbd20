"""Where analog SGD stops on noisy least squares (arXiv:2406.12774, arXiv:2502.06309), in short runs.

Seeds are fixed. In brackets is what eight seeds gave; limits are at least four standard deviations away from it (rates
of false alarm below 1e-4).
"""

from dataclasses import replace

import numpy as np
import pytest

from tests.statistical.studies import load

STUDY = load("least_squares")
ANALOG = "analog SGD"


def floor(problem, seed, last=50):
    """Return the mean loss of the last steps."""
    return np.mean(STUDY.analog(STUDY.Run("", ANALOG, 0.0, seed), problem)[0][-last:])


def test_the_floor_is_the_same_for_every_step_size():
    short, long = (replace(STUDY.FIGURE_1, rate=rate, iterations=round(120 / rate)) for rate in (0.2, 0.1))
    ratios = [floor(short, seed, 200) / floor(long, seed, 400) for seed in (1, 2, 3)]
    # (1.09 +- 0.04) where a floor in proportion to the step size would give 2.
    assert 0.9 < np.mean(ratios) < 1.35


def test_the_floor_falls_with_the_bounds_and_rises_with_noise():
    wide, noisy = replace(STUDY.FIGURE_4, tau=10.0), replace(STUDY.FIGURE_4, weight_noise=0.1**0.5)
    # Logarithms: (3.2 +- 0.5) and (1.7 +- 0.3).
    logs = np.log([[floor(p, seed) for p in (STUDY.FIGURE_4, wide, noisy)] for seed in (1, 2, 3)]).mean(axis=0)
    assert logs[0] - logs[1] > 1.0
    assert logs[2] - logs[0] > 0.5


@pytest.mark.parametrize("response", ["c = 0.0", "c = 0.2"])
def test_weights_settle_at_the_minimum_with_the_implicit_penalty(response):
    found = [STUDY.measure_penalty(STUDY.Run("penalty", response, 0.8, seed), 6, 3000, 30) for seed in (1, 2, 3)]
    left = np.mean([float(row["unexplained"]) / float(row["expected_shift"]) for row in found])
    # (0.015 +- 0.005, 0.017 +- 0.005) of the way from the minimum without penalty.
    assert left < 0.05
