"""Populations after many pulses, beside plain loops over the formulas of the literature, pulse by pulse.

Nothing here uses the package's own numbers of a cell or its twin: a loop adds one pulse after the other to ten thousand
weights, with normal numbers of NumPy, and clips after each. Two-sample Kolmogorov-Smirnov at a false-alarm rate of 1e-4
each; aggregates may be 1e-3 away from the law.
"""

import numpy as np
import pytest
from scipy import stats

from archsim.analog.specification import (
    ConstantStep,
    ExponentialResponse,
    LinearResponse,
    LinearStep,
    PiecewiseStep,
    PowStep,
    SoftBounds,
    UpdateParameters,
)

from .arrays import VARIATION, array, changed

STEP, HIGH, LOW, NOISE = 0.01, 0.8, -0.6, 0.3
OUTPUTS, INPUTS = 100, 100
COMMON = {"dw_min": STEP, "w_max": HIGH, "w_min": LOW, "dw_min_std": NOISE}


def constant(w, up):
    return STEP if up else -STEP


def soft_bounds(w, up):
    """Fusi & Abbott 2007: steps in proportion to the distance from the bound, full size at 0."""
    return STEP * (1 - w / HIGH) if up else -STEP * (1 - w / LOW)


def linear(w, up, slope_up=0.4, slope_down=0.7):
    """Rasch et al. 2021, LinearStepDevice."""
    return STEP * (1 - slope_up * w / HIGH) if up else -STEP * (1 - slope_down * w / LOW)


def power(w, up, exponent=1.7):
    """Rasch et al. 2021, PowStepDevice: omega = (b_max - w) / (b_max - b_min)."""
    omega = (HIGH - w) / (HIGH - LOW)
    return STEP * np.maximum(omega, 0) ** exponent if up else -STEP * np.maximum(1 - omega, 0) ** exponent


def piecewise(w, up):
    """Rasch et al. 2021, PiecewiseStepDevice: a table over the range."""
    table = (1.2, 1.0, 0.9, 1.1, 0.5) if up else (0.6, 0.8, 1.0, 1.1, 1.3)
    size = np.interp(w, np.linspace(LOW, HIGH, 5), table)
    return STEP * size if up else -STEP * size


def exponential(w, up, gamma=2.0):
    """arXiv:2502.06309: q(w) = (exp(gamma (1 - w / tau)) - 1) / (exp(gamma) - 1)."""
    tau = HIGH if up else LOW
    q = np.expm1(gamma * (1 - w / tau)) / np.expm1(gamma)
    return STEP * q if up else -STEP * q


def offset_linear(w, up, c=0.1):
    """arXiv:2502.06309: (1 + c)(1 - w / tau) up, (1 - c)(1 - w / -tau) down."""
    return STEP * (1 + c) * (1 - w / HIGH) if up else -STEP * (1 - c) * (1 - w / LOW)


CASES = {
    "constant-step": (ConstantStep(**COMMON), constant),
    "soft-bounds": (SoftBounds(**COMMON, mult_noise=True), soft_bounds),
    "linear-step": (LinearStep(**COMMON, gamma_up=0.4, gamma_down=0.7, mult_noise=True), linear),
    "pow-step": (PowStep(**COMMON, pow_gamma=1.7), power),
    "piecewise-step": (
        PiecewiseStep(**COMMON, piecewise_up=(1.2, 1.0, 0.9, 1.1, 0.5), piecewise_down=(0.6, 0.8, 1.0, 1.1, 1.3)),
        piecewise,
    ),
    "exponential-response": (ExponentialResponse(**COMMON, gamma_res=2.0, mult_noise=True), exponential),
    "linear-response": (LinearResponse(**COMMON, c=0.1, mult_noise=True), offset_linear),
}


def pulse_by_pulse(law, start, ups, seed):
    """Add pulses to many weights, each with a relative noise of its own, and clip after each."""
    rng = np.random.default_rng(seed)
    w = np.full(OUTPUTS * INPUTS, start)
    for up in ups:
        w = np.clip(w + law(w, up) * (1 + NOISE * rng.normal(size=w.size)), LOW, HIGH)
    return w


def sent(device, start, ups):
    """Send the same pulses to an array of equal cells, runs of one direction at once."""
    made = array(changed(device, **VARIATION), OUTPUTS, INPUTS, update=UpdateParameters(desired_bl=31))
    made.program(np.full((OUTPUTS, INPUTS), start, np.float32))
    runs = np.split(np.array(ups), np.flatnonzero(np.diff(np.array(ups).astype(int))) + 1)
    for number, run in enumerate(runs):
        counts = np.full((INPUTS, OUTPUTS), len(run) if run[0] else -len(run), np.int32)
        made.pulse(np.arange(INPUTS, dtype=np.int32), counts, number * INPUTS)
    return made.weights.reshape(-1)


@pytest.mark.parametrize("start", [-0.3, 0.0, 0.75])
@pytest.mark.parametrize("name", sorted(CASES))
def test_cells_follow_the_formula_pulse_by_pulse(name, start):
    device, law = CASES[name]
    ups = [True] * 24 + [False] * 30 + [True] * 7
    found, expected = sent(device, start, ups), pulse_by_pulse(law, start, ups, seed=11)
    allowed = stats.kstwobign.isf(1e-4) * np.sqrt(2 / found.size) + 3e-3
    assert stats.ks_2samp(found, expected).statistic < allowed
    assert found.mean() == pytest.approx(expected.mean(), abs=5 * expected.std() * np.sqrt(2 / found.size) + 1e-5)
