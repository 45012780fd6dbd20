"""What pulses do to a cell, against closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.analog.specification import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    SoftBounds,
    UpdateParameters,
)

from .crossbars import make, quiet


def pulse(crossbar, count, rate_of_one, first=0):
    """Send exactly `count` (at most 31) up pulses, or down pulses for negative counts."""
    return crossbar.update([[1.0]], [[-np.sign(count)]], abs(count) * rate_of_one, first)


@pytest.mark.parametrize("tau", [0.5, 0.8])
def test_soft_bounds_saturate_exponentially(tau):
    # w_n = tau (1 - (1 - D / tau)^n) after n up pulses from 0
    step = 0.01
    crossbar = make(1, 1, device=quiet(SoftBounds, dw_min=step, w_max=tau, w_min=-tau))
    done = 0
    for count in (1, 1, 5, 20, 31, 31, 31):
        update = pulse(crossbar, count, step, done)
        assert (update.pulses, update.slots) == (count, count)
        done += count
        expected = tau * (1 - (1 - step / tau) ** done)
        assert crossbar.weights[0, 0] == pytest.approx(expected, rel=1e-5)
    assert crossbar.saturated() == 0.0


def test_an_up_and_a_down_pulse_shrink_the_weight():
    tau, step = 0.8, 0.01
    crossbar = make(1, 1, device=quiet(SoftBounds, dw_min=step, w_max=tau, w_min=-tau))
    crossbar.program([[0.4]])
    pulse(crossbar, 1, step, 0)
    pulse(crossbar, -1, step, 1)
    up = 0.4 + step * (1 - 0.4 / tau)
    assert crossbar.weights[0, 0] == pytest.approx(up - step * (1 + up / tau), rel=1e-6)
    assert crossbar.weights[0, 0] == pytest.approx(0.4 * (1 - 2 * step / tau), rel=1e-3)


def test_constant_steps_end_at_the_bound():
    crossbar = make(1, 1, device=quiet(ConstantStep, dw_min=0.1, w_max=0.55, w_min=-0.25))
    seen = []
    for k in range(7):
        pulse(crossbar, 1, 0.1, k)
        seen.append(float(crossbar.weights[0, 0]))
    np.testing.assert_allclose(seen, [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.55], rtol=1e-6)
    assert crossbar.saturated() == 1.0
    pulse(crossbar, -20, 0.1, 8)
    assert crossbar.weights[0, 0] == -0.25


def test_linear_steps_follow_their_slope():
    device = quiet(LinearStep, dw_min=0.01, w_max=1.0, w_min=-0.5, gamma_up=0.4, gamma_down=0.2)
    for start in (-0.3, 0.0, 0.7):
        for direction, step in [(1, 0.01 * (1 - 0.4 * start)), (-1, -0.01 * (1 + 0.2 * start / 0.5))]:
            crossbar = make(1, 1, device=device)
            crossbar.program([[start]])
            pulse(crossbar, direction, 0.01)
            assert crossbar.weights[0, 0] == pytest.approx(start + step, rel=1e-5, abs=1e-7)


KINDS = [ConstantStep, ExpStep, LinearStep, PiecewiseStep, PowStep, SoftBounds]


@given(
    kind=st.sampled_from(KINDS),
    seed=st.integers(0, 2**32),
    noise=st.floats(0, 20),
    rate=st.floats(0.001, 10),
    one_by_one=st.booleans(),
    step=st.floats(1e-4, 1),
)
def test_weights_never_leave_their_bounds(kind, seed, noise, rate, one_by_one, step):
    device = kind(dw_min=step, dw_min_std=noise, w_max=0.7, w_min=-0.7)
    update = UpdateParameters(pulse_by_pulse=one_by_one)
    crossbar = make(9, 5, device=device, update=update, device_seed=seed, noise_seed=seed + 1)
    rng = np.random.default_rng(seed)
    cells = crossbar.state()["cells"]
    low, high = cells[:, 0].reshape(5, 9), cells[:, 1].reshape(5, 9)
    for k in range(3):
        crossbar.update(rng.normal(size=(4, 9)), rng.normal(size=(4, 5)), rate, 4 * k)
        assert (crossbar.weights >= low).all()
        assert (crossbar.weights <= high).all()
