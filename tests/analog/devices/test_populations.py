"""What is drawn for the cells of an array. Cells and seeds are fixed; rates of false alarm hold for other seeds."""

import numpy as np
import pytest
from scipy import stats

from archsim.analog.devices import populate
from archsim.analog.devices.response import symmetric_point
from archsim.analog.reference.response import Law, in_full
from archsim.analog.specification import (
    ConstantStep,
    ExpStep,
    LinearStep,
    PiecewiseStep,
    PowStep,
    PowStepReference,
    SoftBounds,
    SoftBoundsPmax,
    SoftBoundsReference,
)

from .arrays import NOISE, VARIATION, changed

LOW, HIGH, UP, DOWN, UP_SLOPE, DOWN_SLOPE, UP_NOISE, DOWN_NOISE = range(8)


def cells(device, outputs=100, inputs=120, identity=0, seed=1):
    population = populate(device, outputs, inputs, identity, seed)
    return in_full(Law.of(population), population.cells)[1].astype(np.float64).T


def quiet(device):
    return changed(device, **NOISE, **VARIATION)


def test_without_variation_all_cells_are_the_mean():
    c = cells(quiet(ConstantStep(dw_min=0.002, w_max=0.5, w_min=-0.25)))
    for column, value in enumerate((-0.25, 0.5, 0.002, -0.002, 0.0, 0.0, 0.0, 0.0)):
        np.testing.assert_allclose(c[column], value, rtol=1e-6)


@pytest.mark.parametrize(("up_down", "up", "down"), [(0.2, 1.0, 0.8), (-0.2, 0.8, 1.0)])
def test_asymmetry_shortens_one_side(up_down, up, down):
    c = cells(quiet(ConstantStep(dw_min=0.01, up_down=up_down)))
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


def test_log_normal_steps_have_their_spread():
    # 12,000 cells: a mean is off by more than 4 of its standard deviations with a rate of 6e-5, and so is a spread.
    device = ConstantStep(dw_min=0.01, dw_min_dtod=0.7, dw_min_dtod_log_normal=True, up_down_dtod=0.0)
    logs = np.log(cells(device)[UP] / 0.01)
    assert np.mean(logs) == pytest.approx(0.0, abs=4 * 0.7 / np.sqrt(len(logs)))
    assert np.std(logs) == pytest.approx(0.7, rel=4 / np.sqrt(2 * len(logs)))


def test_corrupt_cells_are_as_many_as_said_and_uniform_in_their_range():
    # The share is off by more than 4 standard deviations with a rate of 6e-5; Kolmogorov-Smirnov at 1e-4.
    c = cells(ConstantStep(corrupt_devices_prob=0.2, corrupt_devices_range=0.05, w_max_dtod=0.1, w_min_dtod=0.1))
    stuck = c[LOW] == c[HIGH]
    assert stuck.mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / len(stuck)))
    assert (c[UP:, stuck] == 0.0).all()
    assert (c[UP, ~stuck] > 0.0).mean() > 0.99
    assert stats.kstest(c[LOW, stuck], stats.uniform(-0.05, 0.1).cdf).pvalue > 1e-4


def test_corrupt_cells_stay_within_their_own_bounds():
    c = cells(ConstantStep(corrupt_devices_prob=1.0, corrupt_devices_range=5.0, w_max=0.6, w_min=-0.1, w_max_dtod=0.0))
    assert (c[HIGH] <= 0.6).all()
    assert c[LOW].min() > -0.1 * (1 + 0.3 * 5)


def test_a_perfect_bias_line_has_equal_steps_and_wide_bounds():
    c = cells(SoftBounds(perfect_bias=True, dw_min=0.002)).reshape(8, 100, 120)
    np.testing.assert_allclose(c[UP, :, -1], 0.002, rtol=1e-6)
    np.testing.assert_allclose(c[DOWN, :, -1], -0.002, rtol=1e-6)
    np.testing.assert_allclose(c[HIGH, :, -1], 60.0, rtol=1e-6)
    assert np.std(c[UP, :, -2]) > 0.0


def test_without_consistency_signs_come_as_they_are_drawn():
    wild = {"dw_min_dtod": 1.0, "w_max_dtod": 2.0, "w_min_dtod": 2.0}
    c = cells(ConstantStep(**wild, enforce_consistency=False))
    # A normal number of mean 1 and deviation 1 is below 0 in 15.87 % of cases; 4 deviations are a rate of 6e-5.
    assert (c[UP] < 0).mean() == pytest.approx(0.1587, abs=4 * np.sqrt(0.1335 / 12_000))
    assert (c[LOW] <= c[HIGH]).all()
    assert (c[LOW] == c[HIGH]).any()


def test_reversed_slopes_grow_towards_the_bound():
    device = {"gamma_up": 0.3, "gamma_down": 0.5, "gamma_up_dtod": 0.0, "gamma_down_dtod": 0.0}
    c = cells(LinearStep(**device, reverse_up=True, reverse_down=True))
    np.testing.assert_allclose(c[UP_SLOPE], 0.3 * c[UP] / 0.61, rtol=1e-5)
    np.testing.assert_allclose(c[DOWN_SLOPE], -0.5 * c[DOWN] / 0.61, rtol=1e-5)
    with pytest.raises(ValueError, match="need mult_noise"):
        LinearStep(reverse_up=True, mult_noise=False)


def test_additive_noise_scales_with_the_step_at_zero():
    c = cells(SoftBounds(mult_noise=False, dw_min_std=2.0))
    np.testing.assert_allclose(c[UP_NOISE], 2.0 * c[UP], rtol=1e-6)
    np.testing.assert_allclose(c[DOWN_NOISE], -2.0 * c[DOWN], rtol=1e-6)
    assert (cells(SoftBounds(dw_min_std=2.0))[UP_NOISE:] == 0.0).all()


def test_a_reference_moves_bounds_and_steps():
    bare = cells(SoftBounds(mult_noise=False))
    c = cells(SoftBoundsReference(reference_mean=0.1))
    np.testing.assert_allclose(c[LOW], bare[LOW] - 0.1, rtol=1e-5)
    np.testing.assert_allclose(c[HIGH], bare[HIGH] - 0.1, rtol=1e-4)
    np.testing.assert_allclose(c[UP], bare[UP] * (1 - 0.1 / bare[HIGH]), rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(c[UP_SLOPE:], bare[UP_SLOPE:], rtol=1e-6)


def test_slopes_vary_by_moving_the_bounds():
    bare, c = cells(SoftBoundsReference()), cells(SoftBoundsReference(slope_up_dtod=0.1))
    ratio = bare[HIGH] / c[HIGH]
    assert np.mean(ratio) == pytest.approx(1.0, abs=4 * 0.1 / np.sqrt(12_000))
    assert np.std(ratio) == pytest.approx(0.1, rel=4 / np.sqrt(24_000))
    np.testing.assert_allclose(c[UP_SLOPE], -c[UP] / c[HIGH], rtol=1e-5)
    np.testing.assert_array_equal(c[LOW], bare[LOW])


def test_the_symmetric_point_of_soft_bounds_is_where_theory_says():
    # w* = (u - v) / (u / w_max - v / w_min)
    population, c = populate(SoftBounds(up_down_dtod=0.2), 30, 40, 0, 1), cells(SoftBounds(up_down_dtod=0.2), 30, 40)
    u, v = c[UP], -c[DOWN]
    np.testing.assert_allclose(symmetric_point(population), (u - v) / (u / c[HIGH] - v / c[LOW]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "device",
    [
        SoftBoundsReference(subtract_symmetry_point=True, up_down_dtod=0.2),
        PowStepReference(subtract_symmetry_point=True, up_down_dtod=0.2, pow_gamma=2.0),
        PowStepReference(subtract_symmetry_point=True, up_down_dtod=0.2, dw_min=0.01, n_estimation_steps=4000),
    ],
    ids=["soft-bounds", "power", "power by pulses"],
)
def test_a_subtracted_symmetric_point_leaves_it_at_zero(device):
    left = symmetric_point(populate(device, 30, 40, 0, 1))
    np.testing.assert_allclose(left, 0.0, atol=2e-3 if getattr(device, "n_estimation_steps", None) else 1e-6)


def test_the_reference_has_its_spread_about_the_symmetric_point():
    device = SoftBoundsReference(subtract_symmetry_point=True, reference_mean=0.02, reference_std=0.05)
    left = symmetric_point(populate(device, 100, 120, 0, 1))
    assert np.mean(left) == pytest.approx(-0.02, abs=4 * 0.05 / np.sqrt(12_000))
    assert np.std(left) == pytest.approx(0.05, rel=4 / np.sqrt(24_000))


def test_exponents_vary_like_steps():
    c = cells(PowStep(pow_gamma=2.0, pow_gamma_dtod=0.1, pow_up_down=0.2, pow_up_down_dtod=0.05))
    up, down = c[4], c[5]
    assert np.mean(up) == pytest.approx(2.0, abs=4 * 2.0 * 0.112 / np.sqrt(12_000))
    assert np.mean(down) == pytest.approx(1.6, abs=4 * 2.0 * 0.112 / np.sqrt(12_000))
    assert np.std(up + down) == pytest.approx(2 * 2.0 * 0.1, rel=4 / np.sqrt(24_000))
    assert np.std(up - down) == pytest.approx(2 * 2.0 * 0.05, rel=4 / np.sqrt(24_000))


@pytest.mark.parametrize(
    ("device", "granularity"),
    [
        (ConstantStep(dw_min=0.002, up_down=0.5), 0.002),
        (PowStep(dw_min=0.002, pow_gamma=3.0), 0.002 / 8),
        (PiecewiseStep(dw_min=0.002, piecewise_up=(1.0, 0.5, 2.0), piecewise_down=(1.0, 1.0, 1.0)), 0.001),
        (PiecewiseStep(dw_min=0.002, piecewise_up=(1.0, 0.0, 2.0), piecewise_down=(1.0, 1.0, 1.0)), 0.002),
        (ExpStep(dw_min=0.002), 0.002 * (1 - 0.36833 * np.exp(-12.78785 * 0.2425))),
        (ExpStep(dw_min=0.002, A_down=1e6), 0.002),
        (SoftBoundsPmax(), 0.0005 * 2.0 / (1 - np.exp(-0.5))),
    ],
)
def test_granularity_is_the_step_that_trains_are_made_for(device, granularity):
    assert populate(device, 2, 2, 0, 1).granularity == pytest.approx(granularity, rel=1e-6)


def test_a_pulse_measurement_tells_bounds_and_steps():
    reach = 2.0 / (1 - np.exp(-1000 * 0.0005))
    c = cells(quiet(SoftBoundsPmax()))
    np.testing.assert_allclose(c[LOW], -1.0)
    np.testing.assert_allclose(c[HIGH], reach - 1.0, rtol=1e-6)
    np.testing.assert_allclose(c[UP], reach * 0.0005, rtol=1e-6)
    np.testing.assert_allclose(-c[UP_SLOPE], 0.0005 * reach / (reach - 1.0), rtol=1e-6)
    np.testing.assert_allclose(c[DOWN], -reach * 0.0005 * (1 - (1 - 2 / reach)), rtol=1e-6)


def test_life_is_drawn_as_said():
    device = ConstantStep(
        lifetime=100.0, lifetime_dtod=0.1, diffusion=0.02, diffusion_dtod=0.1, reset=0.1, reset_dtod=0.03
    )
    retention = populate(device, 100, 120, 0, 1).retention
    n = np.sqrt(12_000)
    assert np.mean(1 / (1 - retention.remaining.astype(np.float64))) == pytest.approx(100.0, abs=4 * 10.5 / n)
    assert np.mean(retention.diffusion) == pytest.approx(0.02, abs=4 * 0.002 / n)
    assert np.mean(retention.rest) == pytest.approx(0.1, abs=4 * 0.03 / n)
    assert np.std(retention.rest) == pytest.approx(0.03, rel=4 / np.sqrt(2) / n)
    short = populate(ConstantStep(lifetime=0.5), 2, 2, 0, 1).retention
    assert (short.remaining == 0.0).all()
    still = populate(ConstantStep(), 2, 2, 0, 1).retention
    assert [array.shape for array in (still.remaining, still.diffusion, still.rest, still.drift)] == [(1,)] * 4
