"""Mixed precision: nothing of the gradient is lost, and the bins are fair."""

import numpy as np
import pytest

from archsim.analog.specification import Ideal
from archsim.analog.specification.algorithms import MixedPrecisionSettings
from archsim.errors import InputError
from tests.analog.algorithms.tiles import STEADY, tile


def block(vectors=60, seed=1):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (vectors, 4)), rng.normal(0, 0.4, (vectors, 3))


@pytest.mark.parametrize(
    "changes", [{}, {"granularity": 0.004}, {"granularity": 0.0005}, {"transfer_lr": 0.3}], ids=str
)
def test_weights_follow_the_exact_gradient_within_one_epsilon(changes):
    settings = MixedPrecisionSettings(**changes)
    array = tile(settings, 3, 4, STEADY, mini_batch=10)
    x, d = block()
    array.update(x, d, 0.01, 0)
    exact = -0.01 * d.T @ x
    chi = array.state()["chi"]
    np.testing.assert_allclose(array.weights / settings.transfer_lr + chi, exact, atol=1e-5)
    # Pulses are whole: up to half a pulse more may stay.
    assert np.abs(chi).max() < (settings.granularity or 0.001) + 0.0005 / settings.transfer_lr + 1e-6
    assert np.abs(exact).max() > 0.02


def test_nothing_is_written_before_it_is_due():
    array = tile(MixedPrecisionSettings(transfer_every=2), 3, 4, STEADY, mini_batch=10)
    x, d = block()
    work = array.update(x[:19], d[:19], 0.05, 0)
    assert not array.weights.any()
    assert work.pulses == work.memory_bits == work.transfer_slots == 0
    assert work.digital_operations == 19 * (2 * 12 - 4)
    work = array.update(x[19:20], d[19:20], 0.05, 19)
    assert array.weights.any()
    assert work.memory_bits == 16 * 12
    assert work.transfer_slots >= 3
    assert work.slots == work.transfer_reads == 0


def test_what_exceeds_a_train_waits():
    array = tile(MixedPrecisionSettings(), 1, 1, STEADY)
    one = np.ones((1, 1))
    work = array.update(one, -one, 0.1, 0)
    assert work.pulses == work.transfer_slots == 31
    assert array.weights[0, 0] == pytest.approx(0.031, rel=1e-5)
    for k in range(1, 4):
        array.update(one, 0 * one, 0.1, k)
    assert array.weights[0, 0] == pytest.approx(0.1, abs=0.0011)


@pytest.mark.parametrize("writing", ["exact", "trains"])
def test_some_rows_at_a_time(writing):
    settings = MixedPrecisionSettings(n_rows_per_transfer=2, writing=writing)
    array = tile(settings, 3, 4, STEADY, mini_batch=1)
    seen = []
    for k in range(6):
        before = array.weights.copy()
        array.update(np.ones((1, 4)), -np.ones((1, 3)), 0.004, k)
        seen.append(set(np.flatnonzero((array.weights != before).any(axis=1))))
    assert seen == [{0, 1}, {0, 2}, {1, 2}] * 2


def test_random_rows_are_any_rows():
    array = tile(MixedPrecisionSettings(n_rows_per_transfer=1, random_row=True), 3, 2, STEADY)
    written = []
    for k in range(600):
        state = array.state()
        state["chi"][:] = 0.01
        array.restore(state)
        array.update(np.zeros((1, 2)), np.zeros((1, 3)), 0.1, k)
        written += np.flatnonzero((array.state()["chi"] < 0.001).all(axis=1)).tolist()
    counts = np.bincount(written, minlength=3)
    # Binomial(600, 1/3): five standard deviations are 58.
    assert counts.sum() == 600
    assert np.abs(counts - 200).max() < 58


def test_trains_write_the_same_in_the_mean():
    """16 slots with certainty for the largest value; half of them, a binomial number, for the other."""
    x, d = np.array([[1.0, 0.5]]), -np.ones((1, 1))
    pulses = []
    for seed in range(200):
        array = tile(MixedPrecisionSettings(writing="trains"), 1, 2, STEADY, seed=seed)
        array.update(x, d, 0.01601, 0)
        assert array.weights[0, 0] == pytest.approx(0.016, rel=1e-4)
        pulses.append(array.weights[0, 1] / 0.001)
    # 8 pulses of 16 slots with probability 1/2 have the variance 4: five standard deviations of the mean.
    assert abs(np.mean(pulses) - 8) < 5 * 2 / np.sqrt(200)
    assert np.std(pulses) > 1


def test_bins_are_equal_steps_and_stochastic_rounding_is_fair():
    settings = MixedPrecisionSettings(n_x_bins=8, n_d_bins=5, granularity=1e9)
    array = tile(settings, 1, 2, STEADY)
    x, d = np.array([[1.0, 0.1]]), np.array([[1.0]])
    seen = []
    for k in range(4000):
        before = array.state()["chi"]
        array.update(x, d, 1.0, k)
        seen.append((before - array.state()["chi"])[0])
    values = np.round(np.array(seen), 3)
    assert set(values[:, 0]) == {1.0}
    # 0.1 lies 0.4 of the way from 0 to a quarter: five standard deviations of the share are 0.039.
    assert set(values[:, 1]) == {0.0, 0.25}
    assert abs((values[:, 1] > 0).mean() - 0.4) < 0.039
    nearest = MixedPrecisionSettings(n_x_bins=8, stoc_round_x=False, granularity=1e9)
    array = tile(nearest, 1, 2, STEADY)
    array.update(x, d, 1.0, 0)
    np.testing.assert_allclose(array.state()["chi"], [[-1.0, 0.0]], atol=1e-6)


def test_it_needs_a_size_of_pulses():
    with pytest.raises(InputError, match="pulses"):
        tile(MixedPrecisionSettings(), 2, 2, Ideal())
