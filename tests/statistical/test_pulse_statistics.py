"""Moments of pulsed updates. Seeds are fixed; every check states its false-alarm rate."""

import math

import numpy as np
import pytest
from scipy import stats

from archsim.analog import Crossbar
from archsim.analog.specification import ConstantStep, IOParameters, UpdateParameters

VECTORS = 4000
RATE, STEP = 0.01, 0.002
X = np.array([[1.0, -0.6, 0.3, 0.05]])
D = np.array([[0.7, -0.2, 0.02]])


def increments(update, *, cycle_noise=0.0, seed=3):
    """Return the weight changes of each of many equal vectors, [VECTORS, outputs, inputs], and the mean length."""
    device = ConstantStep(
        dw_min=STEP,
        dw_min_std=cycle_noise,
        dw_min_dtod=0.0,
        up_down_dtod=0.0,
        w_max=1e3,
        w_min=-1e3,
        w_max_dtod=0.0,
        w_min_dtod=0.0,
    )
    crossbar = Crossbar(
        X.size,
        D.size,
        device,
        IOParameters(),
        IOParameters(),
        update,
        dac_bits=7,
        adc_bits=9,
        identity=0,
        device_seed=1,
        noise_seed=seed,
    )
    changes = np.empty((VECTORS, D.size, X.size))
    slots = 0
    for v in range(VECTORS):
        crossbar.program(np.zeros((D.size, X.size)))
        slots += crossbar.update(X, D, RATE, v).slots
        changes[v] = crossbar.weights
    return changes, slots / VECTORS


UPDATES = {
    "managed": UpdateParameters(),
    "fixed length": UpdateParameters(update_bl_management=False),
    "unmanaged": UpdateParameters(update_bl_management=False, update_management=False, desired_bl=10),
}


@pytest.mark.parametrize("name", UPDATES)
def test_the_mean_is_the_outer_product(name):
    # 12 cells, two-sided z at a rate of 1e-4 in all
    changes, _ = increments(UPDATES[name])
    error = changes.std(axis=0, ddof=1) / math.sqrt(VECTORS)
    z = (changes.mean(axis=0) + RATE * D.T @ X) / error
    assert np.abs(z).max() < stats.norm.isf(0.5e-4 / z.size)


@pytest.mark.parametrize("cycle_noise", [0.0, 0.3, 3.0])
def test_the_variance_is_binomial_plus_cycle_noise(cycle_noise):
    # dw_min^2 BL p (1 - p) of the coincidences and dw_min^2 sigma^2 BL p of the steps. The error of a sample variance
    # is taken from the fourth moment; 12 cells at a rate of 1e-4 in all.
    changes, length = increments(UpdateParameters(), cycle_noise=cycle_noise)
    p = RATE * np.abs(D.T @ X) / (STEP * length)
    expected = STEP**2 * length * p * (1 - p + cycle_noise**2)
    centred = changes - changes.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    error = np.sqrt(((centred**4).mean(axis=0) - variance**2) / VECTORS)
    assert (np.abs(variance - expected) / error).max() < stats.norm.isf(0.5e-4 / expected.size)


def test_lines_share_their_slots():
    # Cells of one output line see the same slots: cov = dw^2 BL p_d (1 - p_d) p_x p_x' (times the signs).
    changes, length = increments(UpdateParameters())
    base = math.sqrt(RATE / (STEP * length))
    ratio = math.sqrt(np.abs(D).max() / np.abs(X).max())
    p_x, p_d = base * ratio * np.abs(X[0]), base / ratio * np.abs(D[0])
    expected = STEP**2 * length * p_d[0] * (1 - p_d[0]) * p_x[0] * p_x[1] * np.sign(X[0, 0] * X[0, 1])
    product = (changes[:, 0, 0] - changes[:, 0, 0].mean()) * (changes[:, 0, 1] - changes[:, 0, 1].mean())
    assert expected < 0
    assert abs(product.mean() - expected) < stats.norm.isf(0.5e-4) * product.std() / math.sqrt(VECTORS)


@pytest.mark.parametrize("desired", [1, 3, 31])
def test_management_chooses_the_length(desired):
    _, length = increments(UpdateParameters(desired_bl=desired))
    wanted = RATE * np.abs(X).max() * np.abs(D).max() / STEP
    assert length == min(math.ceil(wanted), desired)
    _, length = increments(UpdateParameters(desired_bl=desired, update_bl_management=False))
    assert length == desired


def test_slots_are_independent_of_each_other():
    # The number of pulses of a cell is binomial: chi-squared at a rate of 1e-4.
    changes, length = increments(UpdateParameters())
    counts = np.rint(np.abs(changes[:, 0, 1]) / STEP).astype(int)
    p = RATE * abs(D[0, 0] * X[0, 1]) / (STEP * length)
    expected = VECTORS * stats.binom.pmf(np.arange(int(length) + 1), int(length), p)
    observed = np.bincount(counts, minlength=len(expected))
    assert stats.chisquare(observed, expected).pvalue > 1e-4
