"""Device populations and the presets."""

import numpy as np
import pytest

from archsim import plugins
from archsim.analog.devices import populate
from archsim.analog.specification import ConstantStep, Ideal, LinearStep, SoftBounds

from .crossbars import make, quiet

LOW, HIGH, UP, DOWN, UP_SLOPE, DOWN_SLOPE, UP_NOISE, DOWN_NOISE = range(8)


def cells(device, outputs=100, inputs=120, identity=0, seed=1):
    return populate(device, outputs, inputs, identity, seed).cells.astype(np.float64).T


def test_without_variation_all_cells_are_the_mean():
    c = cells(quiet(ConstantStep, dw_min=0.002, w_max=0.5, w_min=-0.25))
    for column, value in enumerate((-0.25, 0.5, 0.002, -0.002, 0.0, 0.0, 0.0, 0.0)):
        np.testing.assert_allclose(c[column], value, rtol=1e-6)


@pytest.mark.parametrize(("up_down", "up", "down"), [(0.2, 1.0, 0.8), (-0.2, 0.8, 1.0)])
def test_asymmetry_shortens_one_side(up_down, up, down):
    c = cells(quiet(ConstantStep, dw_min=0.01, up_down=up_down))
    np.testing.assert_allclose(c[UP], 0.01 * up, rtol=1e-6)
    np.testing.assert_allclose(c[DOWN], -0.01 * down, rtol=1e-6)


def test_variations_have_their_size():
    # 12,000 cells: a standard deviation is off by more than 4 of its own with a rate of 6e-5.
    c = cells(ConstantStep(dw_min=0.001, dw_min_dtod=0.1, up_down_dtod=0.05, w_max_dtod=0.1, w_min_dtod=0.2))
    error = 4 / np.sqrt(2 * c.shape[1])
    assert np.std(c[HIGH]) == pytest.approx(0.6 * 0.1, rel=error)
    assert np.std(c[LOW]) == pytest.approx(0.6 * 0.2, rel=error)
    assert np.std(c[UP] - c[DOWN]) == pytest.approx(2 * 0.001 * 0.1, rel=error)
    assert np.std(c[UP] + c[DOWN]) == pytest.approx(2 * 0.001 * 0.05, rel=error)
    assert np.mean(c[UP]) == pytest.approx(0.001, abs=4 * 0.001 * 0.112 / np.sqrt(c.shape[1]))


def test_large_variations_stay_consistent():
    c = cells(SoftBounds(dw_min_dtod=3.0, w_max_dtod=3.0, w_min_dtod=3.0, up_down_dtod=1.0))
    assert (c[UP] >= 0).all()
    assert (c[DOWN] <= 0).all()
    assert (c[LOW] <= 0).all()
    assert (c[HIGH] >= 0).all()
    assert np.isfinite(c).all()


def test_soft_bounds_steps_vanish_at_the_cells_own_bounds():
    c = cells(SoftBounds())
    np.testing.assert_allclose(c[UP] + c[UP_SLOPE] * c[HIGH], 0.0, atol=1e-9)
    np.testing.assert_allclose(c[DOWN] + c[DOWN_SLOPE] * c[LOW], 0.0, atol=1e-9)


def test_linear_step_refers_to_mean_or_own_bounds():
    device = {"gamma_up": 0.3, "gamma_down": 0.5, "gamma_up_dtod": 0.0, "gamma_down_dtod": 0.0}
    c = cells(LinearStep(**device))
    np.testing.assert_allclose(c[UP_SLOPE], -0.3 * c[UP] / 0.6, rtol=1e-5)
    np.testing.assert_allclose(c[DOWN_SLOPE], 0.5 * c[DOWN] / 0.6, rtol=1e-5)
    c = cells(LinearStep(**device, mean_bound_reference=False))
    np.testing.assert_allclose(c[UP_SLOPE], -0.3 * c[UP] / c[HIGH], rtol=1e-5)
    np.testing.assert_allclose(c[DOWN_SLOPE], -0.5 * c[DOWN] / c[LOW], rtol=1e-5)


def test_slopes_only_grow_where_that_is_allowed():
    assert (cells(LinearStep(gamma_up_dtod=0.5))[UP_SLOPE] <= 0).all()
    share = (cells(LinearStep(gamma_up_dtod=0.5, allow_increasing=True))[UP_SLOPE] > 0).mean()
    assert share == pytest.approx(0.5, abs=0.02)


def test_a_bound_at_zero_leaves_its_step_constant():
    c = cells(SoftBounds(w_min=0.0, w_max_dtod=0.1))
    assert (c[DOWN_SLOPE] == 0.0).all()
    assert (c[UP_SLOPE] < 0.0).all()


def test_populations_belong_to_seed_and_crossbar():
    base = cells(SoftBounds())
    np.testing.assert_array_equal(base, cells(SoftBounds()))
    assert (base[UP] != cells(SoftBounds(), seed=2)[UP]).all()
    assert (base[UP] != cells(SoftBounds(), identity=1)[UP]).all()
    np.testing.assert_array_equal(base[:, :120], cells(SoftBounds(), outputs=1))


@pytest.mark.parametrize("name", plugins.names("archsim.devices"))
def test_every_preset_makes_a_working_crossbar(name):
    device = plugins.load("archsim.devices", name)()
    crossbar = make(20, 10, device=device)
    x, d = np.ones((2, 20)), np.ones((2, 10))
    update = crossbar.update(x, d, 0.01, 0)
    assert (crossbar.weights < 0).mean() > 0.9
    if not isinstance(device, Ideal):
        assert update.pulses >= 200 * (0.01 / device.dw_min - 1)


def test_presets_are_documented():
    for name in plugins.names("archsim.devices"):
        assert len(plugins.load("archsim.devices", name).__doc__) > 40


def test_published_numbers_of_states():
    states = {
        name: (device.w_max - device.w_min) / device.dw_min
        for name in ("gokmen-vlasov", "idealized", "ecram", "ecram-mo")
        for device in [plugins.load("archsim.devices", name)()]
    }
    assert {name: round(value) for name, value in states.items()} == {
        "gokmen-vlasov": 1250,
        "idealized": 10_000,
        "ecram": 1000,
        "ecram-mo": 7089,
    }
