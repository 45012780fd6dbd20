"""Populations after many pulses, beside plain loops over the formulas of the literature, pulse by pulse.

Nothing here uses the package's own numbers of a cell or its twin: a loop adds one pulse after the other to ten thousand
weights, with normal numbers of NumPy, and clips after each. Two-sample Kolmogorov-Smirnov at a false-alarm rate of 1e-4
each; aggregates may be 1e-3 away from the law.
"""

import numpy as np
import pytest
from scipy import optimize, stats

from archsim import plugins
from archsim.analog.specification import (
    ConstantStep,
    ExponentialResponse,
    ExpStep,
    LinearResponse,
    LinearStep,
    OneSided,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
    ReferenceCell,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
    UpdateParameters,
    Vector,
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


def power_response(w, up, gamma=2.5):
    """arXiv:2502.06309: q(w) = (1 - w / tau)^gamma."""
    return STEP * np.maximum(1 - w / HIGH, 0) ** gamma if up else -STEP * np.maximum(1 - w / LOW, 0) ** gamma


def exponential_step(w, up, a=0.244, b=0.2425):
    """Rasch et al. 2021, ExpStepDevice, with the numbers of its fit to ReRAM."""
    z = 2 * a * w / (HIGH - LOW) + b
    if up:
        return STEP * np.maximum(1 - 0.00081 * np.exp(12.44625 * z), 0)
    return -STEP * np.maximum(1 - 0.36833 * np.exp(-12.78785 * z), 0)


#: Of a pulse measurement: 200 pulses lead from the lowest weight towards the highest, each by 0.01 of what is left.
P_MAX, ALPHA, LOWEST, HIGHEST = 200, 0.01, -0.6, 0.8
REACH = (HIGHEST - LOWEST) / (1 - np.exp(-P_MAX * ALPHA))


def measured(w, up):
    """Each pulse takes a share of what is left to the bound: aihwkit's SoftBoundsPmaxDevice.

    An up pulse is b / w_max of one of the measurement, a down pulse a full step where the up pulse meets weight 0.
    """
    above = LOWEST + REACH - w
    return ALPHA * REACH / (LOWEST + REACH) * above if up else -2 * ALPHA * (w - LOWEST)


def pulse_by_pulse(law, start, ups, rng, low=LOW, high=HIGH):
    """Add pulses to many weights, each with a relative noise of its own, and clip after each."""
    w = np.full(OUTPUTS * INPUTS, np.clip(start, low, high))
    for up in ups:
        w = np.clip(w + law(w, up) * (1 + NOISE * rng.normal(size=w.size)), low, high)
    return w


def plain(law, low=LOW, high=HIGH):
    """One device a cell."""
    return lambda start, ups, rng: pulse_by_pulse(law, start, ups, rng, low, high)


def against(law, reference):
    """One device, read against a number: pulses see what is stored, and so do the bounds."""
    return lambda start, ups, rng: pulse_by_pulse(law, start + reference, ups, rng) - reference


def two_sided(law):
    """A pair of devices that both take up pulses only: up pulses of the weight go to one, down pulses to the other."""

    def weights(start, ups, rng):
        rises = [True] * sum(ups), [True] * (len(ups) - sum(ups))
        return pulse_by_pulse(law, max(start, 0), rises[0], rng, 0.0) - pulse_by_pulse(
            law, max(-start, 0), rises[1], rng, 0.0
        )

    return weights


def weighted(factors, laws):
    """Devices that all take each pulse; together they are written with the smallest weights whose sum it is."""

    def weights(start, ups, rng):
        least = start / sum(factor**2 for factor in factors)
        return sum(
            factor * pulse_by_pulse(law, factor * least, ups, rng) for factor, law in zip(factors, laws, strict=True)
        )

    return weights


def taking_turns(laws):
    """Two devices; each takes the writes of every second column, and the other keeps what it holds."""

    def weights(start, ups, rng):
        moved = [pulse_by_pulse(law, start, ups, rng).reshape(OUTPUTS, INPUTS) for law in laws]
        even = np.arange(INPUTS) % 2 == 0
        return (np.where(even, *moved) / 2 + np.clip(start, LOW, HIGH) / 2).reshape(-1)

    return weights


def balance(law):
    """The weight at which an up and a down pulse cancel."""
    return optimize.brentq(lambda w: law(w, True) + law(w, False), LOW, HIGH, xtol=1e-12)


def stronger_up(law, w, up):
    """Down pulses at 0.7 of their size."""
    return law(w, up) if up else 0.7 * law(w, up)


def stronger_soft_bounds(w, up):
    return stronger_up(soft_bounds, w, up)


def stronger_power(w, up):
    return stronger_up(power, w, up)


SOFT, CURVED = SoftBounds(**COMMON, mult_noise=True), PowStep(**COMMON, pow_gamma=1.7)
RISING = SoftBounds(**COMMON | {"w_min": 0.0}, mult_noise=True)
CASES = {
    "constant-step": (ConstantStep(**COMMON), plain(constant)),
    "soft-bounds": (SOFT, plain(soft_bounds)),
    "soft-bounds-pmax": (
        SoftBoundsPmax(p_max=P_MAX, alpha=ALPHA, range_min=LOWEST, range_max=HIGHEST, dw_min_std=NOISE),
        plain(measured, LOWEST, LOWEST + REACH),
    ),
    "linear-step": (LinearStep(**COMMON, gamma_up=0.4, gamma_down=0.7, mult_noise=True), plain(linear)),
    "pow-step": (CURVED, plain(power)),
    "exp-step": (ExpStep(**COMMON), plain(exponential_step)),
    "piecewise-step": (
        PiecewiseStep(**COMMON, piecewise_up=(1.2, 1.0, 0.9, 1.1, 0.5), piecewise_down=(0.6, 0.8, 1.0, 1.1, 1.3)),
        plain(piecewise),
    ),
    "exponential-response": (ExponentialResponse(**COMMON, gamma_res=2.0, mult_noise=True), plain(exponential)),
    "power-response": (PowerResponse(**COMMON, gamma_res=2.5, mult_noise=True), plain(power_response)),
    "linear-response": (LinearResponse(**COMMON, c=0.1, mult_noise=True), plain(offset_linear)),
    "soft-bounds-reference": (
        SoftBoundsReference(**COMMON, reference_mean=0.1, mult_noise=True),
        against(soft_bounds, 0.1),
    ),
    "soft-bounds-reference, symmetric": (
        SoftBoundsReference(**COMMON, up_down=0.3, subtract_symmetry_point=True, mult_noise=True),
        against(stronger_soft_bounds, balance(stronger_soft_bounds)),
    ),
    "pow-step-reference": (PowStepReference(**COMMON, pow_gamma=1.7, reference_mean=-0.1), against(power, -0.1)),
    "pow-step-reference, symmetric": (
        PowStepReference(**COMMON, pow_gamma=1.7, up_down=0.3, subtract_symmetry_point=True),
        against(stronger_power, balance(stronger_power)),
    ),
    "one-sided": (OneSided(device=RISING), two_sided(soft_bounds)),
    "vector": (Vector(devices=(SOFT, CURVED)), weighted((0.5, 0.5), (soft_bounds, power))),
    "vector, weighted": (
        Vector(devices=(SOFT, CURVED), gamma_vec=(1.5, -0.5)),
        weighted((1.5, -0.5), (soft_bounds, power)),
    ),
    "vector, taking turns": (
        Vector(devices=(SOFT, CURVED), update_policy="single-sequential"),
        taking_turns((soft_bounds, power)),
    ),
    "reference-cell": (ReferenceCell(device=CURVED, reference=SOFT), plain(power)),
}


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
    device, cells = CASES[name]
    ups = [True] * 24 + [False] * 30 + [True] * 7
    everything = sent(device, start, ups), cells(start, ups, np.random.default_rng(11))
    # Every second column apart: devices that take turns must each have its own.
    for first in (0, 1):
        found, expected = (weights.reshape(OUTPUTS, INPUTS)[:, first::2].reshape(-1) for weights in everything)
        allowed = stats.kstwobign.isf(0.5e-4) * np.sqrt(2 / found.size) + 3e-3
        assert stats.ks_2samp(found, expected).statistic < allowed
        error = 5 * expected.std() * np.sqrt(2 / found.size) + 1e-5
        assert found.mean() == pytest.approx(expected.mean(), abs=error)


def test_every_kind_of_pulsed_device_has_a_formula_here():
    kinds = {device.kind for device, _ in CASES.values()}
    assert kinds == {*plugins.names("archsim.device_kinds")} - {"ideal"}
