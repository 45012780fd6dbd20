"""The laws of a pulse, against the equations of their sources."""

import numpy as np
import pytest

from archsim.analog.devices import populate
from archsim.analog.devices.draw import Draws, draw_cells
from archsim.analog.devices.population import DOWN, UP
from archsim.analog.devices.response import mean_step, pulsed, symmetric_point
from archsim.analog.reference.response import Law, in_full
from archsim.analog.specification import (
    ConstantStep,
    ExponentialResponse,
    ExpStep,
    LinearResponse,
    PiecewiseStep,
    PowerResponse,
    PowStep,
    PowStepReference,
    SoftBounds,
)

from .arrays import NOISE, VARIATION, array, changed, single_pulses

SIZE = (5, 8)
TAU = 0.8
WEIGHTS = np.linspace(-TAU, TAU, 17)[:, None] * np.ones(40)


def cells_of(device):
    """Return the population and the bounds and pulse sizes that it was made from."""
    return populate(device, *SIZE, 0, 1), draw_cells(device, Draws(*SIZE, 0, 1))


def places(cells, count=17):
    """Return weights from bound to bound."""
    return cells.w_min + np.linspace(0, 1, count)[:, None] * (cells.w_max - cells.w_min)


def assert_steps(population, w, up, down):
    np.testing.assert_allclose(mean_step(population, w, True), up, rtol=3e-5, atol=1e-9)
    np.testing.assert_allclose(mean_step(population, w, False), -down, rtol=3e-5, atol=1e-9)


@pytest.mark.parametrize("c", [0.0, 0.3, -0.5])
def test_the_linear_response(c):
    population = populate(LinearResponse(dw_min=1e-3, w_max=TAU, w_min=-TAU, c=c), *SIZE, 0, 1)
    assert_steps(population, WEIGHTS, 1e-3 * (1 + c) * (1 - WEIGHTS / TAU), 1e-3 * (1 - c) * (1 + WEIGHTS / TAU))
    np.testing.assert_allclose(symmetric_point(population), c * TAU, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("gamma", [0.5, 1.0, 3.0])
def test_the_power_response(gamma):
    population = populate(PowerResponse(dw_min=1e-3, w_max=TAU, w_min=-TAU, gamma_res=gamma), *SIZE, 0, 1)
    w = 0.999 * WEIGHTS
    assert_steps(population, w, 1e-3 * (1 - w / TAU) ** gamma, 1e-3 * (1 + w / TAU) ** gamma)


@pytest.mark.parametrize("gamma", [0.5, 4.0, 20.0])
def test_the_exponential_response(gamma):
    population = populate(ExponentialResponse(dw_min=1e-3, w_max=TAU, w_min=-TAU, gamma_res=gamma), *SIZE, 0, 1)
    up = 1e-3 * np.expm1(gamma * (1 - WEIGHTS / TAU)) / np.expm1(gamma)
    np.testing.assert_allclose(mean_step(population, WEIGHTS, True), up, rtol=2e-5, atol=1e-9)
    np.testing.assert_allclose(mean_step(population, -WEIGHTS, False), -up, rtol=2e-5, atol=1e-9)


def test_response_functions_with_uneven_bounds_meet_them():
    for device in (PowerResponse, ExponentialResponse, LinearResponse):
        population = populate(device(w_max=0.5, w_min=-1.5, w_max_dtod=0.1), *SIZE, 0, 1)
        low, high = population.cells[:, 0], population.cells[:, 1]
        np.testing.assert_allclose(mean_step(population, np.zeros(40), True), 0.001, rtol=1e-5)
        np.testing.assert_allclose(mean_step(population, np.zeros(40), False), -0.001, rtol=1e-5)
        np.testing.assert_allclose(mean_step(population, high, True), 0.0, atol=1e-8)
        np.testing.assert_allclose(mean_step(population, low, False), 0.0, atol=1e-8)


@pytest.mark.parametrize(
    "fit", [{}, {"a": -0.5, "b": -0.5, "gamma_up": 5, "gamma_down": 5, "A_up": -1.2, "A_down": -0.1}]
)
def test_the_exponential_step(fit):
    device = ExpStep(**fit)
    population, cells = cells_of(device)
    w = places(cells)
    z = 2 * device.a * w / (cells.w_max - cells.w_min) + device.b
    up = cells.up * np.maximum(1 - device.A_up * np.exp(device.gamma_up * z), 0)
    down = cells.down * np.maximum(1 - device.A_down * np.exp(-device.gamma_down * z), 0)
    assert_steps(population, w, up, down)


def test_the_power_step_and_its_reference():
    population, cells = cells_of(PowStep(pow_gamma=2.0))
    w = places(cells)[1:-1]
    gamma_up, gamma_down = population.cells[:, 4], population.cells[:, 5]
    extent = cells.w_max - cells.w_min
    up = cells.up * ((cells.w_max - w) / extent) ** gamma_up
    down = cells.down * ((w - cells.w_min) / extent) ** gamma_down
    assert_steps(population, w, up, down)
    moved = populate(PowStepReference(pow_gamma=2.0, reference_mean=0.1), *SIZE, 0, 1)
    assert_steps(moved, w - 0.1, up, down)


def test_the_piecewise_step():
    nodes_up, nodes_down = (1.5, 1.0, 0.5, 0.25, 0.0), (0.1, 0.2, 0.4, 0.8, 1.6)
    population, cells = cells_of(PiecewiseStep(piecewise_up=nodes_up, piecewise_down=nodes_down))
    w = places(cells, 5)
    assert_steps(population, w, cells.up * np.array(nodes_up)[:, None], cells.down * np.array(nodes_down)[:, None])
    halfway = 0.5 * (w[1] + w[2])
    assert_steps(population, halfway, cells.up * 0.75, cells.down * 0.3)
    with pytest.raises(ValueError, match="same number of nodes"):
        PiecewiseStep(piecewise_up=(1.0, 2.0))


def test_soft_bounds_are_the_linear_response():
    soft = populate(changed(SoftBounds(w_max=TAU, w_min=-TAU), **NOISE, **VARIATION), *SIZE, 0, 1)
    linear = populate(LinearResponse(w_max=TAU, w_min=-TAU), *SIZE, 0, 1)
    (_, soft_cells), (_, linear_cells) = (in_full(Law.of(made), made.cells) for made in (soft, linear))
    steps = [UP, DOWN]  # soft bounds do not tell them: they come from slopes and bounds, rounded once more
    np.testing.assert_array_equal(np.delete(soft_cells, steps, axis=1), np.delete(linear_cells, steps, axis=1))
    np.testing.assert_allclose(soft_cells[:, steps], linear_cells[:, steps], rtol=2.0**-22)


def test_pulses_are_clipped_to_each_cells_bounds():
    population, cells = cells_of(ConstantStep(dw_min=0.5))
    w = np.zeros(40)
    for _ in range(50):
        w = pulsed(population, w, True)
    np.testing.assert_allclose(w, cells.w_max, rtol=1e-6)


def test_without_a_symmetric_point_it_is_the_bound_that_pairs_lead_to():
    population, cells = cells_of(changed(ConstantStep(up_down=0.5), up_down_dtod=0.0, dw_min_dtod=0.0))
    np.testing.assert_allclose(symmetric_point(population), cells.w_max, rtol=1e-6)


@pytest.mark.parametrize("tau", [0.5, 0.8])
def test_soft_bounds_saturate_exponentially(tau):
    # w_n = tau (1 - (1 - D / tau)^n)
    made = array(changed(SoftBounds(dw_min=0.01, w_max=tau, w_min=-tau), **NOISE, **VARIATION), 1, 1)
    for n in range(1, 120):
        single_pulses(made, up=True, first_vector=n)
        assert made.weights[0, 0] == pytest.approx(tau * (1 - (1 - 0.01 / tau) ** n), rel=2e-5)


def test_pairs_of_pulses_lead_to_the_symmetric_point():
    # An up and a down pulse at w leave w (1 - 2 dw / tau) about the symmetric point.
    made = array(changed(LinearResponse(dw_min=0.01, w_max=0.8, w_min=-0.8, c=0.25), **NOISE), 1, 1)
    made.program(np.full((1, 1), 0.6, np.float32))
    for n in range(200):
        before = float(made.weights[0, 0]) - 0.2
        single_pulses(made, up=True, first_vector=2 * n)
        single_pulses(made, up=False, first_vector=2 * n + 1)
        after = float(made.weights[0, 0]) - 0.2
        if abs(before) > 0.05:
            assert after / before == pytest.approx(1 - 2 * 0.01 / 0.8, abs=2e-3)
    assert made.weights[0, 0] == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("device", [PowerResponse, ExponentialResponse, LinearResponse])
@pytest.mark.parametrize("multiplicative", [False, True])
def test_noise_of_response_functions_is_that_of_the_paper_or_scales(device, multiplicative):
    # w + s dw_min (q + sigma xi); 10,000 cells: a spread is off by 4 of its standard deviations with a rate of 6e-5.
    made = array(device(dw_min=0.01, dw_min_std=0.5, w_max=TAU, w_min=-TAU, mult_noise=multiplicative), 100, 100)
    start = np.full((100, 100), 0.3, np.float32)
    made.program(start)
    single_pulses(made, up=True)
    q = float(mean_step(made.population, start.reshape(-1), True)[0]) / 0.01
    steps = made.weights - start
    expected = 0.01 * 0.5 * (q if multiplicative else 1.0)
    assert np.std(steps) == pytest.approx(expected, rel=4 / np.sqrt(20_000))
    assert np.mean(steps) == pytest.approx(0.01 * q, abs=4 * expected / 100)


def test_complex_noise_of_the_exponential_step():
    device = ExpStep(dw_min=0.01, dw_min_std=0.5, dw_min_std_add=0.02, dw_min_std_slope=0.1, w_max=5.0, w_min=-5.0)
    made = array(changed(device, **VARIATION), 100, 100)
    start = np.full((100, 100), 0.3, np.float32)
    made.program(start)
    single_pulses(made, up=False)
    dw = abs(float(mean_step(made.population, start.reshape(-1), False)[0]))
    assert np.std(made.weights - start) == pytest.approx(0.5 * (dw + 0.02 + 0.1 * 0.3), rel=4 / np.sqrt(20_000))


def test_a_piecewise_step_has_at_most_as_many_nodes_as_the_core_holds():
    with pytest.raises(ValueError, match="at most 32"):
        PiecewiseStep(piecewise_up=(1.0,) * 33, piecewise_down=(1.0,) * 33)


def test_additive_noise_of_the_linear_response_does_not_depend_on_its_offset():
    cells = populate(LinearResponse(dw_min=0.01, dw_min_std=0.5, c=0.4), 2, 2, 0, 1).cells
    np.testing.assert_allclose(cells[:, 6:], 0.005, rtol=1e-6)
