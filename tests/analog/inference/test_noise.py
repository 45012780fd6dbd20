"""Noise of programmed conductances against closed forms. Seeds are fixed; every check states its false-alarm rate."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog.inference import make_noise
from archsim.analog.inference.draws import Draws
from archsim.analog.specification.inference import PCMLike, ReRAMWan2022
from archsim.errors import InputError

DRAWS = Draws(100, 100, seed=11, identity=2)
#: Standard normal numbers, [20_000].
XI = np.random.default_rng(1).standard_normal(20_000)


def pcm(**changes):
    return make_noise(PCMLike(**changes))


def test_numbers_of_cells_are_standard_normal_and_independent():
    # Four Kolmogorov-Smirnov tests and six correlations, 1e-4 in all; 3 % of scale would be found in 10,000 cells.
    numbers = DRAWS.cells(8, 0).reshape(4, -1)
    for row in numbers:
        assert stats.kstest(row, "norm").pvalue > 1e-5
    between = np.corrcoef(numbers)[np.triu_indices(4, 1)]
    assert np.abs(between).max() < stats.norm.isf(0.5e-5) / 100


def test_numbers_belong_to_purpose_event_and_attempt():
    first = DRAWS.cells(8, 0)
    assert np.array_equal(first, DRAWS.cells(8, 0))
    for other in (DRAWS.cells(32, 0), DRAWS.cells(8, 1), DRAWS.cells(8, 0, 1)):
        assert (other == first).mean() < 1e-3


@pytest.mark.parametrize(
    ("g", "std"),
    [(0.0, 0.26348), (12.5, 0.26348 + 1.9650 / 2 - 1.1731 / 4), (25.0, 0.26348 + 1.9650 - 1.1731)],
)
def test_programming_noise_of_pcm_is_the_polynomial(g, std):
    assert pcm().programming_std(np.array([g]))[0] == pytest.approx(std)


def test_noise_scales_with_the_highest_conductance():
    g = np.linspace(0, 1, 7)
    for kind, reference in ((PCMLike, 25.0), (ReRAMWan2022, 40.0)):
        at_reference = make_noise(kind()).programming_std(g * reference)
        assert np.allclose(make_noise(kind(g_max=10.0)).programming_std(g * 10) / 10, at_reference / reference)


def test_exponents_have_mean_and_deviation_between_their_limits():
    # Mean and variance of 20,000 numbers at two conductances, two-sided, 1e-4 in all. Folding at 0 would take a number
    # beyond 4 deviations; 1e-3 is room for it.
    inner = np.exp(-(0.06 - 0.0244) / 0.0155)
    cases = {inner: (0.06, -0.0125 * np.log(inner) - 0.0059), 1.0: (0.049, 0.008)}
    limit = stats.norm.isf(0.5e-4 / 4)
    for g, (mean, std) in cases.items():
        nu = pcm().exponents(np.full(XI.shape, 25.0 * g), XI)
        if mean > 4.5 * std:
            assert abs(nu.mean() - mean) < limit * std / np.sqrt(len(nu))
            assert abs(nu.var() / std**2 - 1) < limit * np.sqrt(2 / len(nu)) + 1e-3
        assert np.allclose(nu, np.abs(mean + std * XI))


def test_exponents_of_small_conductances_stay_at_their_limits():
    nu = pcm().exponents(np.array([0.0, 1e-9, 1e-3]), np.array([0.0, 1.0, -1.0]))
    assert nu == pytest.approx([0.1, 0.145, 0.055])
    assert pcm().exponents(np.array([0.0]), np.array([-4.0]))[0] == pytest.approx(0.08), "folded, never negative"


@pytest.mark.parametrize("time_s", [0.0, 1.0, 3600.0, 86_400.0])
def test_drift_follows_the_power_law(time_s):
    noise = pcm(drift_std_scale=0.0, read_noise_scale=0.0)
    targets = np.array([25.0])
    nu = noise.exponents(targets, np.array([3.0]))
    assert nu[0] == 0.049
    seen = noise.conductances(targets, np.array([20.0]), nu, time_s, np.array([1.0]))
    assert seen[0] == pytest.approx(20.0 * ((time_s + 20) / 20) ** -0.049)


@pytest.mark.parametrize("time_s", [0.0, 86_400.0, 31_536_000.0])
def test_read_noise_grows_with_the_logarithm_of_time(time_s):
    g = np.full(XI.shape, 12.5)
    seen = pcm(drift_scale=0.0).conductances(g, g, np.zeros_like(g), time_s, XI)
    # exact: the deviation is linear in xi here, and nothing reaches 0
    wanted = 12.5 * 0.0088 / 0.5**0.65 * np.sqrt(np.log((time_s + 20 + 250e-9) / 500e-9))
    assert np.allclose(seen - g, wanted * XI)


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_read_noise_follows_from_the_target_as_published(share):
    # Q_s = min(0.0088 / g_T^0.65, 0.2), whatever programming left of the target (Nandakumar et al. 2019).
    q = {0.01: 0.17559, 0.02: 0.11190}[share]
    growth = np.sqrt(np.log((3600 + 20 + 250e-9) / 500e-9))
    targets = np.full(3, 25.0 * share)
    programmed = np.array([0.5, 1.0, 3.0]) * targets
    seen = pcm(drift_scale=0.0).conductances(targets, programmed, np.zeros(3), 3600.0, np.full(3, 0.5))
    assert seen / programmed - 1 == pytest.approx(np.full(3, 0.5 * q * growth), rel=1e-4)


@pytest.mark.parametrize("share", [0.01, 0.02])
def test_read_noise_of_the_kit_follows_from_the_programmed_conductance(share):
    growth = np.sqrt(np.log((3600 + 20 + 250e-9) / 500e-9))
    targets = np.full(3, 25.0 * share)
    programmed = np.array([0.5, 1.0, 3.0]) * targets
    kit = pcm(drift_scale=0.0, read_noise_law="aihwkit")
    seen = kit.conductances(targets, programmed, np.zeros(3), 3600.0, np.full(3, 0.5))
    q = np.minimum(0.0088 / (programmed / 25.0) ** 0.65, 0.2)
    assert seen / programmed - 1 == pytest.approx(0.5 * q * growth)


def test_read_noise_of_small_conductances_is_limited():
    noise = pcm(drift_scale=0.0)
    growth = np.sqrt(np.log((20 + 250e-9) / 500e-9))
    g = np.array([25.0 * (0.0088 / 0.2) ** (1 / 0.65) / 2])
    assert noise.conductances(g, g, np.zeros(1), 0.0, np.ones(1))[0] == pytest.approx(g[0] * (1 + 0.2 * growth))
    assert noise.conductances(g, g, np.zeros(1), 0.0, np.array([-9.0]))[0] == 0.0, "never below 0"


def test_deviations_of_reram_are_the_polynomials():
    noise = make_noise(ReRAMWan2022())
    sums = {1.0: 1.103, 86_400.0: 2.651, 172_800.0: 2.677}
    for time_s, std in sums.items():
        seen = noise.conductances(np.array([40.0]), np.zeros(1), np.zeros(1), time_s, np.ones(1))
        assert seen[0] == pytest.approx(40.0 + std)
    empty = noise.conductances(np.zeros(2), np.zeros(2), np.zeros(2), 86_400.0, np.array([1.0, -1.0]))
    assert empty == pytest.approx([0.701, 0.0])


def test_times_that_nobody_measured_are_refused():
    with pytest.raises(InputError, match="not measured at this time"):
        make_noise(ReRAMWan2022()).conductances(np.ones(1), np.ones(1), np.ones(1), 60.0, np.ones(1))
    for time_s in (-1.0, float("nan")):
        with pytest.raises(InputError, match="before programming"):
            pcm().conductances(np.ones(1), np.ones(1), np.ones(1), time_s, np.ones(1))


def test_a_range_of_conductances_must_not_be_empty():
    with pytest.raises(ValueError, match="g_max must lie above g_min"):
        PCMLike(g_min=30.0)
