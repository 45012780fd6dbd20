"""Moments of pulsed updates on every instruction set. Seeds are fixed; every check states its false-alarm rate."""

import functools
import importlib
import math

import numpy as np
import pytest
from scipy import stats

from archsim._core import UPDATE_CELL, UPDATE_D, UPDATE_X
from archsim._core.cpu import supported

VECTORS = 4000
RATE, STEP = 0.01, 0.002
X = np.array([[1.0, -0.6, 0.3, 0.05]], np.float32)
D = np.array([[0.7, -0.2, 0.02]], np.float32)

#: How trains are made: whether probabilities and lengths are managed, most slots, whose random numbers are shared.
UPDATES = {
    "managed": {},
    "fixed length": {"bl_management": False},
    "unmanaged": {"bl_management": False, "management": False, "desired_bl": 10},
    "shared numbers": {"scheme": "shared"},
}


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def isa(request):
    if request.param not in supported():
        pytest.skip(f"this processor lacks {request.param}")
    return request.param


@functools.cache
def increments(isa, name="managed", desired_bl=31, cycle_noise=0.0, together=1):
    """Return the weight changes of many equal blocks, [blocks, outputs, inputs], and the slots of a vector."""
    kernels = importlib.import_module(f"archsim._core.{isa}")
    settings = {"desired_bl": desired_bl, "management": True, "bl_management": True} | UPDATES[name]
    rules = kernels.PulseRules(granularity=STEP, um_grad_scale=1.0, **settings)
    response = kernels.Response("constant", exact=False, deviation=cycle_noise)
    cells = np.tile(np.array([-1e3, 1e3, STEP, -STEP], np.float32), (D.size * X.size, 1))
    trains = kernels.Trains(D.size, X.size)
    x, d = np.repeat(X, together, axis=0), np.repeat(D, together, axis=0)
    changes, slots = np.zeros((VECTORS, D.size, X.size), np.float32), 0
    for block in range(VECTORS):
        first = block * together
        slots += trains.draw(rules, x, d, RATE, 3, 0, UPDATE_X, UPDATE_D, first)[0]
        kernels.apply_trains(trains, response, changes[block], None, cells, "both", 0, D.size, 3, 0, UPDATE_CELL, first)
    return changes.astype(np.float64), slots / (VECTORS * together)


def line_probabilities(length):
    """Return the probabilities of both sides, with update management."""
    base, ratio = math.sqrt(RATE / (STEP * length)), math.sqrt(np.abs(D).max() / np.abs(X).max())
    return base * ratio * np.abs(X[0]), base / ratio * np.abs(D[0])


def covariance(one, other):
    """Return the covariance of two cells and its standard error."""
    product = (one - one.mean()) * (other - other.mean())
    return product.mean(), product.std() / math.sqrt(len(product))


@pytest.mark.parametrize("name", UPDATES)
def test_the_mean_is_the_outer_product(isa, name):
    # E[dw] = -lr d x: 12 cells, two-sided z at a rate of 1e-4 in all
    changes, _ = increments(isa, name)
    error = changes.std(axis=0, ddof=1) / math.sqrt(VECTORS)
    z = (changes.mean(axis=0) + RATE * D.T.astype(np.float64) @ X) / error
    assert np.abs(z).max() < stats.norm.isf(0.5e-4 / z.size)


@pytest.mark.parametrize("together", [1, 5])
@pytest.mark.parametrize("cycle_noise", [0.0, 0.3, 3.0])
def test_the_variance_is_binomial_plus_cycle_noise(isa, cycle_noise, together):
    # dw_min^2 BL p (1 - p) of the coincidences and dw_min^2 sigma^2 BL p of the steps; the vectors of a block, whose
    # slots share words, add up. The error of a sample variance is taken from the fourth moment; 12 cells at a rate of
    # 1e-4 in all.
    changes, length = increments(isa, cycle_noise=cycle_noise, together=together)
    p = RATE * np.abs(D.T @ X) / (STEP * length)
    expected = together * STEP**2 * length * p * (1 - p + cycle_noise**2)
    centred = changes - changes.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    error = np.sqrt(((centred**4).mean(axis=0) - variance**2) / VECTORS)
    assert (np.abs(variance - expected) / error).max() < stats.norm.isf(0.5e-4 / expected.size)


@pytest.mark.parametrize("cycle_noise", [0.0, 1.0])
def test_lines_share_their_slots(isa, cycle_noise):
    # Cells of one output line see the same slots of it: cov = dw^2 BL p_d (1 - p_d) p_x p_x' (times the signs), and
    # likewise for cells of an input line; cells that share no line are independent. 54 pairs at a rate of 1e-4 in all.
    changes, length = increments(isa, "fixed length", cycle_noise=cycle_noise)
    p_x, p_d = line_probabilities(length)
    signs = np.sign(D.T @ X)
    cells = [(i, j) for i in range(D.size) for j in range(X.size)]
    pairs = [(a, b) for k, a in enumerate(cells) for b in cells[k + 1 :]]
    for (i, j), (k, m) in pairs:
        expected = 0.0
        if i == k:
            expected = p_d[i] * (1 - p_d[i]) * p_x[j] * p_x[m]
        elif j == m:
            expected = p_x[j] * (1 - p_x[j]) * p_d[i] * p_d[k]
        expected *= STEP**2 * length * signs[i, j] * signs[k, m]
        found, error = covariance(changes[:, i, j], changes[:, k, m])
        # rare products of rare pulses are no normal numbers: no less than what one of them is worth
        error = max(error, STEP**2 / VECTORS)
        assert abs(found - expected) < stats.norm.isf(0.5e-4 / len(pairs)) * error
    found, error = covariance(changes[:, 0, 0], changes[:, 0, 1])
    assert found < -4 * error, "the correlation along a line is there"


def test_shared_numbers_correlate_lines_of_one_side(isa):
    # With one number a slot for all input lines, the lines that pulse are those with the larger values: of two cells of
    # an output line, the smaller one never pulses alone, E[n n'] - E[n] E[n'] = BL p_d (p_x' - p_d p_x p_x') for p_x' <
    # p_x. At a rate of 1e-4.
    changes, length = increments(isa, "shared numbers")
    p_x, p_d = line_probabilities(length)
    expected = -(STEP**2) * length * p_d[0] * (p_x[1] - p_d[0] * p_x[0] * p_x[1])
    found, error = covariance(changes[:, 0, 0], changes[:, 0, 1])
    assert abs(found - expected) < stats.norm.isf(0.5e-4) * error
    counts = np.rint(np.abs(changes) / STEP)
    assert (counts[:, :, 1:] <= counts[:, :, :-1]).all()


@pytest.mark.parametrize("desired", [1, 3, 31])
def test_management_chooses_the_length(isa, desired):
    _, length = increments(isa, desired_bl=desired)
    wanted = RATE * np.abs(X).max() * float(np.abs(D).max()) / STEP
    assert length == min(math.ceil(wanted), desired)
    _, length = increments(isa, "fixed length", desired_bl=desired)
    assert length == desired


@pytest.mark.parametrize("name", ["managed", "fixed length"])
def test_slots_are_independent_of_each_other(isa, name):
    # The number of pulses of a cell is binomial: chi-squared at a rate of 1e-4, counts that are expected less than five
    # times taken together.
    changes, length = increments(isa, name)
    counts = np.rint(np.abs(changes[:, 0, 1]) / STEP).astype(int)
    p = RATE * float(np.abs(D[0, 0] * X[0, 1])) / (STEP * length)
    expected = VECTORS * stats.binom.pmf(np.arange(int(length) + 1), int(length), p)
    observed = np.bincount(counts, minlength=len(expected))
    rare = int(np.argmax(expected[1:] < 5)) + 1 if (expected < 5).any() else len(expected)
    expected, observed = (np.append(a[:rare], a[rare:].sum()) for a in (expected, observed))
    keep = expected > 0
    assert stats.chisquare(observed[keep], expected[keep]).pvalue > 1e-4


@pytest.mark.parametrize("together", [1, 5])
def test_cycle_noise_is_fresh_for_every_pulse(isa, together):
    # What is left of a change beyond its whole pulses, divided by their square root, is normal and independent of other
    # cells and of the next block: Kolmogorov-Smirnov and 24 correlations, each at a rate of 1e-4 in all. With a noise
    # of a hundredth, the number of pulses can be told.
    changes, _ = increments(isa, cycle_noise=0.01, together=together)
    changes = np.abs(changes[:, :2, :3]).reshape(VECTORS, -1) / STEP
    counts = np.rint(changes)
    noise = np.divide(changes - counts, 0.01 * np.sqrt(counts), where=counts > 0, out=np.zeros_like(changes))
    for cell, count in zip(noise.T, counts.T, strict=True):
        assert stats.kstest(cell[count > 0], "norm").pvalue > 1e-4 / 6
    limit = stats.norm.isf(0.5e-4 / 24)
    for one in range(6):
        both = (counts[1:, one] > 0) & (counts[:-1, one] > 0)
        assert abs((noise[1:, one] * noise[:-1, one])[both].mean()) * math.sqrt(both.sum()) < limit
        for other in range(one):
            both = (counts[:, one] > 0) & (counts[:, other] > 0)
            if both.sum() > 50:
                product = (noise[:, one] * noise[:, other])[both]
                assert abs(product.mean()) * math.sqrt(both.sum()) < limit
