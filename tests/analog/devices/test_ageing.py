"""Cells between mini-batches."""

import numpy as np
import pytest

from archsim.analog import Crossbar
from archsim.analog.blocks import restore_arrays
from archsim.analog.periphery import Periphery, Streams
from archsim.analog.specification import ConstantStep, Drift, OneSided, SoftBounds
from archsim.errors import InputError

from .arrays import array, changed, some

#: 10,000 cells: a mean or a spread that is off by 4 of its standard deviations has a rate of 6e-5.
SIZE = (100, 100)
MANY = 4 / np.sqrt(10_000)
WIDE = {"w_max": 100.0, "w_min": -100.0, "w_max_dtod": 0.0, "w_min_dtod": 0.0}


def ageing(**retention):
    return array(ConstantStep(**WIDE, **retention), *SIZE)


def test_decay_leads_to_rest_exponentially():
    made = ageing(lifetime=20.0, reset=0.5)
    made.program(np.full(SIZE, 2.0, np.float32))
    for k in range(30):
        made.age(k)
    np.testing.assert_allclose(made.weights, 0.5 + 1.5 * (1 - 1 / 20) ** 30, rtol=1e-5)


def test_diffusion_is_a_random_walk():
    made = ageing(diffusion=0.1)
    for k in range(16):
        made.age(k)
    assert np.mean(made.weights) == pytest.approx(0.0, abs=0.4 * MANY)
    assert np.std(made.weights) == pytest.approx(0.4, rel=MANY / np.sqrt(2))


def test_steps_of_mini_batches_are_independent():
    made = ageing(diffusion=0.1)
    steps = []
    for k in range(2):
        before = made.weights.copy()
        made.age(k)
        steps.append((made.weights - before).reshape(-1))
    assert np.corrcoef(steps)[0, 1] == pytest.approx(0.0, abs=MANY)


def test_drift_is_a_power_law_since_the_last_write():
    made = ageing(drift=Drift(nu=0.06, t_0=2.0))
    made.program(np.full(SIZE, 1.0, np.float32))
    for k in range(50):
        made.age(k)
    np.testing.assert_allclose(made.weights, ((50 + 2.0) / 2.0) ** -0.06, rtol=1e-5)
    written = made.weights.copy()
    written[:50] = 3.0
    made.program(written)
    for k in range(50, 60):
        made.age(k)
    np.testing.assert_allclose(made.weights[:50], 3.0 * (12.0 / 2.0) ** -0.06, rtol=1e-5)
    np.testing.assert_allclose(made.weights[50:], (62.0 / 2.0) ** -0.06, rtol=1e-5)


def test_cells_drift_apart():
    made = ageing(drift=Drift(nu=0.06, nu_dtod=0.2))
    made.program(np.full(SIZE, 1.0, np.float32))
    for k in range(9):
        made.age(k)
    exponents = -np.log(made.weights) / np.log(10.0)
    assert np.mean(exponents) == pytest.approx(0.06, abs=0.012 * MANY)
    assert np.std(exponents) == pytest.approx(0.012, rel=MANY / np.sqrt(2))


def test_ageing_stays_within_bounds():
    made = array(SoftBounds(diffusion=1.0), 20, 30)
    made.age(0)
    assert made.saturated() > 0.3
    cells = made.population.cells
    assert (made.weights.reshape(-1) >= cells[:, 0]).all()
    assert (made.weights.reshape(-1) <= cells[:, 1]).all()


def test_resets_lead_to_rest_with_a_spread():
    made = ageing(reset=0.2, reset_std=0.05)
    made.program(np.full(SIZE, 1.0, np.float32))
    cells = np.zeros(SIZE, bool)
    cells[:, :50] = True
    made.reset(cells)
    assert (made.weights[:, 50:] == 1.0).all()
    first = made.weights[:, :50].copy()
    assert np.mean(first) == pytest.approx(0.2, abs=0.05 * MANY * np.sqrt(2))
    assert np.std(first) == pytest.approx(0.05, rel=MANY)
    made.reset(cells)
    assert np.corrcoef(first.reshape(-1), made.weights[:, :50].reshape(-1))[0, 1] == pytest.approx(0.0, abs=0.06)


def test_what_is_seen_has_write_noise_and_what_is_held_has_not():
    made = ageing(dw_min=0.01, write_noise_std=20.0)
    made.program(np.full(SIZE, 1.0, np.float32))
    assert (made.persistent == 1.0).all()
    first = made.weights.copy()
    assert np.mean(first) == pytest.approx(1.0, abs=0.2 * MANY)
    assert np.std(first) == pytest.approx(0.2, rel=MANY / np.sqrt(2))
    made.program(np.full(SIZE, 1.0, np.float32))
    assert np.corrcoef(first.reshape(-1), made.weights.reshape(-1))[0, 1] == pytest.approx(0.0, abs=MANY)


def test_only_pulsed_cells_are_seen_anew():
    made = array(ConstantStep(dw_min=0.01, write_noise_std=5.0), 4, 6)
    made.program(0.1 * some(1, 4, 6))
    before = made.weights.copy()
    made.pulse(np.array([2], np.int32), np.array([[1, 0, -2, 0]], np.int32), 0)
    changed = made.weights != before
    assert np.argwhere(changed).tolist() == [[0, 2], [2, 2]]


def test_cells_that_keep_cost_nothing():
    made = array(SoftBounds(write_noise_std=1.0), 4, 6)
    made.program(0.1 * some(1, 4, 6))
    before = made.weights.copy()
    made.age(0)
    np.testing.assert_array_equal(made.weights, before)


def test_drift_goes_on_after_a_restore():
    device = ConstantStep(**WIDE, drift=Drift(nu=0.1, nu_dtod=0.3), diffusion=0.01, write_noise_std=2.0)
    made, other = array(device, 4, 6), array(device, 4, 6)
    made.program(some(1, 4, 6))
    for k in range(5):
        made.age(k)
    restore_arrays(other.arrays(), {name: values.copy() for name, values in made.arrays().items()})
    for k in range(5, 9):
        made.age(k)
        other.age(k)
    np.testing.assert_array_equal(made.weights, other.weights)
    np.testing.assert_array_equal(made.persistent, other.persistent)


def test_a_reset_is_a_write_of_those_cells_only():
    made = ageing(dw_min=0.01, write_noise_std=5.0, reset_std=0.0)
    made.program(np.full(SIZE, 1.0, np.float32))
    before = made.weights.copy()
    cells = np.zeros(SIZE, bool)
    cells[3] = True
    made.reset(cells)
    np.testing.assert_array_equal(made.weights[~cells], before[~cells])
    assert np.std(made.weights[3]) == pytest.approx(0.05, rel=0.3)


def test_a_crossbar_ends_its_mini_batches():
    around = Periphery(dac_bits=None, adc_bits=None)
    device = changed(OneSided(device=SoftBounds(w_min=0.0, lifetime=4.0), refresh_every=2), reset_std=0.0)
    crossbar = Crossbar(3, 2, device, around, Streams(noise_seed=2))
    crossbar.program([[0.2, -0.1, 0.0], [0.1, 0.2, -0.2]])
    before = crossbar.weights.copy()
    assert crossbar.end_mini_batch(0).transfer_reads == 0
    np.testing.assert_allclose(crossbar.weights, 0.75 * before, rtol=1e-6)
    assert crossbar.end_mini_batch(1).transfer_reads == 6
    with pytest.raises(InputError, match="too many crossbars"):
        Crossbar(3, 2, device, around, Streams(identity=2**20 - 1))
