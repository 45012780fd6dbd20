"""Responses as they are drawn."""

import numpy as np
import pytest

from archsim.analog.devices.curves import mean_device, response_curves
from archsim.analog.specification import ConstantStep, Ideal, LinearResponse, OneSided, SoftBounds, Vector


def test_the_mean_device_follows_the_closed_form():
    # n up pulses lead to tau (1 - (1 - dw / tau)^n); then each down pulse shrinks w + tau by 1 - dw / tau.
    curves = response_curves(SoftBounds(dw_min=0.01, w_max=0.8, w_min=-0.8))
    assert (curves.states, curves.up_pulses) == (160, 160)
    left = (1 - 0.01 / 0.8) ** np.minimum(curves.pulses, 160)
    top = 0.8 * (1 - left[-1])
    down = (top + 0.8) * (1 - 0.01 / 0.8) ** np.maximum(curves.pulses - 160, 0) - 0.8
    expected = np.where(curves.pulses <= 160, 0.8 * (1 - left), down)
    np.testing.assert_allclose(curves.mean, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(curves.step_up, 0.01 * (1 - curves.weights / 0.8), rtol=1e-3, atol=1e-7)
    np.testing.assert_allclose(curves.step_down, -0.01 * (1 + curves.weights / 0.8), rtol=1e-3, atol=1e-7)


def test_cells_spread_about_the_mean_device():
    curves = response_curves(ConstantStep(dw_min=0.01, w_max=5.0, w_min=-5.0, w_max_dtod=0.0, dw_min_std=0.0))
    middle = np.searchsorted(curves.pulses, 200)
    steps = curves.cells[middle] / curves.pulses[middle]
    # 200 cells: off by more than 4 standard deviations with a rate of 6e-5.
    assert np.mean(steps) == pytest.approx(0.01, abs=4 * 0.003 / np.sqrt(200))
    assert np.std(steps) == pytest.approx(0.003, rel=4 / np.sqrt(400))


def test_a_response_without_variation_is_drawn_by_every_cell():
    curves = response_curves(LinearResponse(dw_min=0.01, c=0.2))
    np.testing.assert_allclose(curves.cells, curves.mean[:, None] * np.ones(curves.cells.shape[1]), atol=1e-6)


def test_devices_within_a_device_lose_their_variation_too():
    mean = mean_device(Vector(devices=(SoftBounds(), ConstantStep(dw_min_std=3.0))))
    assert [(one.dw_min_dtod, one.dw_min_std, one.w_max_dtod, one.reset_std) for one in mean.devices] == [
        (0.0,) * 4
    ] * 2
    assert mean_device(OneSided()).device.up_down_dtod == 0.0


def test_without_pulses_there_is_nothing_to_draw():
    assert response_curves(Ideal()) is None
