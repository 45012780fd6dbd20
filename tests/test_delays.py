"""Late gradients on f = lambda w**2 / 2, in plain NumPy: what is stable, and what compensation makes of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.delays import momentum_left, share_left

DELAYS = st.integers(0, 12)
MOMENTA = st.floats(0, 0.95)


def spectral_radius(momentum: float, delay: int, alpha_lambda: float) -> float:
    """Return the largest root of the recurrence w[k+1] = w[k] + mu (w[k] - w[k-1]) - alpha lambda w[k-d]."""
    polynomial = np.zeros(max(delay, 1) + 2)
    polynomial[:3] = 1, -(1 + momentum), momentum
    polynomial[delay + 1] += alpha_lambda
    return float(np.abs(np.roots(polynomial)).max())


def stability_limit(momentum: float, delay: int) -> float:
    """Return alpha lambda at the least theta with (d + 1/2) theta + arg(1 - mu exp(-i theta)) = pi / 2."""
    low, high = 0.0, math.pi
    for _ in range(200):
        theta = (low + high) / 2
        # Without a delay both sides meet at pi alone.
        turned = (delay + 0.5) * theta + np.angle(1 - momentum * np.exp(-1j * theta))
        low, high = (theta, high) if turned < math.pi / 2 and theta < math.pi else (low, theta)
    return 2 * math.sin(low / 2) * abs(np.exp(1j * low) - momentum)


def age(momentum: float) -> float:
    return momentum / (1 - momentum)


@given(MOMENTA, DELAYS)
def test_it_is_stable_up_to_the_closed_form_and_no_further(momentum: float, delay: int) -> None:
    limit = stability_limit(momentum, delay)
    assert spectral_radius(momentum, delay, 0.999 * limit) < 1
    assert spectral_radius(momentum, delay, 1.001 * limit) > 1


@pytest.mark.parametrize("delay", range(8))
def test_without_momentum_the_limit_is_that_of_plain_descent(delay: int) -> None:
    assert stability_limit(0, delay) == pytest.approx(2 * math.sin(math.pi / (4 * delay + 2)))
    assert stability_limit(0.9, 0) == pytest.approx(2 * 1.9)


@given(MOMENTA, DELAYS)
def test_all_is_stable_up_to_the_limit_of_the_mean_age(momentum: float, delay: int) -> None:
    mean_age = delay + age(momentum)
    assert (1 - momentum) * 2 * math.sin(math.pi / (4 * mean_age + 2)) <= stability_limit(momentum, delay) * (1 + 1e-9)


@given(MOMENTA, st.floats(0, 20))
def test_what_is_left_of_momentum_and_the_delay_are_as_old_as_the_momentum_was(momentum: float, steps: float) -> None:
    left = momentum_left(momentum, steps)
    assert 0 <= left <= momentum * (1 + 1e-12)
    if steps < age(momentum):
        assert age(left) + steps == pytest.approx(age(momentum), rel=1e-9, abs=1e-9)
    else:
        assert left == pytest.approx(0, abs=1e-12)


def test_a_delay_with_the_mean_age_of_the_momentum_leaves_none_and_none_changes_nothing() -> None:
    assert momentum_left(0.9, 9) == pytest.approx(0, abs=1e-12)
    assert momentum_left(0.9, 4) == pytest.approx(5 / 6)
    assert momentum_left(0.9, 0) == 0.9
    # Geometric delays of mean d are a momentum of d / (d + 1).
    assert momentum_left(3 / 4, 3) == pytest.approx(0)


@given(MOMENTA, st.data())
def test_a_rate_that_is_stable_by_the_mean_age_stays_so_with_corrected_momentum(
    momentum: float, data: st.DataObject
) -> None:
    """Without a delay lr lambda / (1 - mu) <= 2 sin(pi / (4 a + 2)) with the age a; then for each delay up to a."""
    alpha_lambda = 0.999 * (1 - momentum) * 2 * math.sin(math.pi / (4 * age(momentum) + 2))
    assert spectral_radius(momentum, 0, alpha_lambda) < 1
    delay = data.draw(st.integers(0, math.floor(age(momentum))))
    assert spectral_radius(momentum_left(momentum, delay), delay, alpha_lambda) < 1


def test_and_would_not_with_the_momentum_as_it_was() -> None:
    alpha_lambda = 0.999 * 0.1 * 2 * math.sin(math.pi / 38)
    assert spectral_radius(0.9, 0, alpha_lambda) < 1
    assert spectral_radius(0.9, 9, alpha_lambda) > 1


@given(st.floats(0.01, 20), DELAYS, st.floats(0, 2), st.floats(-1, 1))
def test_late_gradients_within_a_bound_lead_no_further_than_so_many_steps_past_the_minimum(
    alpha_lambda: float, delay: int, exponent: float, start: float
) -> None:
    """At any rate; with lambda = 1 and a bound c of 0.1: toward 0 at first, and then |w| <= (d + 1) alpha c_d."""
    most = 0.1 * share_left(delay, exponent)
    weights = np.full(delay + 600, start)
    for k in range(delay, len(weights) - 1):
        weights[k + 1] = weights[k] - alpha_lambda * np.clip(weights[k - delay], -most, most)
    crossed = int(np.argmax(np.sign(weights) != np.sign(start))) or len(weights)
    assert np.all(np.diff(np.abs(weights[:crossed])) <= 0)
    assert np.all(np.abs(weights[crossed:]) <= (delay + 1) * alpha_lambda * most * (1 + 1e-9))


@pytest.mark.parametrize("delay", [0, 1, 3, 7])
def test_with_an_exponent_of_one_the_swing_is_no_wider_than_without_a_delay(delay: int) -> None:
    swings = []
    for exponent in (0, 1):
        weights = [1.0] * (delay + 1)
        for _ in range(4000):
            most = 0.1 * share_left(delay, exponent)
            weights.append(weights[-1] - 2.5 * float(np.clip(weights[-1 - delay], -most, most)))
        swings.append(max(map(abs, weights[-200:])))
    assert swings[1] <= 2.5 * 0.1
    assert delay == 0 or swings[0] > swings[1]
