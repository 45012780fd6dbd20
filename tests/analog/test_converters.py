"""The numbers of a converter."""

import math

import numpy as np
import pytest

from archsim.analog.converters import (
    FORWARD_LINES,
    TRANSPOSED_LINES,
    draw_lines,
    make_converters,
    needs_lines,
    resolution,
    running_average,
)
from archsim.analog.specification import IOParameters

NONE = np.zeros((8, 0), np.float32)


def test_seven_bits_over_one_have_the_step_1_63():
    assert resolution(1.0, 7) == 1 / 63
    assert resolution(12.0, 9) == pytest.approx(24 / 510)
    assert resolution(1.0, None) == 0.0


def test_bound_management_ends_at_a_quarter_step():
    assert make_converters(IOParameters(), 7, 9, NONE).max_bm_scale == pytest.approx(15.75)
    assert make_converters(IOParameters(inp_bound=2.0), 7, 9, NONE).max_bm_scale == pytest.approx(15.75)
    assert make_converters(IOParameters(), None, 9, NONE).max_bm_scale == math.inf


def test_lines_need_their_eight_numbers():
    with pytest.raises(ValueError, match="eight rows"):
        make_converters(IOParameters(), 7, 9, np.zeros((7, 3), np.float32))


@pytest.mark.parametrize(
    ("io", "needed"),
    [
        (IOParameters(), False),
        (IOParameters(inp_noise=0.1, w_noise=0.1, ir_drop=1.0, inp_asymmetry=0.1), False),
        (IOParameters(out_gain_std=0.1), True),
        (IOParameters(out_nonlinearity=0.1), True),
        (IOParameters(r_series=0.1), True),
        (IOParameters(r_series=0.1, is_perfect=True), False),
    ],
    ids=str,
)
def test_lines_are_drawn_only_where_they_matter(io, needed):
    assert needs_lines(io) == needed


def test_lines_have_the_spreads_that_were_asked_for():
    # 4,000 lines: six standard errors, 1e-8 in all
    io = IOParameters(
        out_nonlinearity=0.5,
        out_nonlinearity_std=0.1,
        out_noise_std=0.2,
        v_offset_std=0.03,
        out_gain_std=0.05,
        out_offset_std=0.4,
        slope_calibration=0.5,
        r_series=0.01,
    )
    curve, slope, noise, voltage, gain, offset, inverse, known = draw_lines(io, 4000, 3, 5, FORWARD_LINES).astype(float)
    error = 6 / math.sqrt(4000)
    for values, mean, spread in [
        (curve, 0.5 / 12, 0.05 / 12),
        (noise, 0.06, 0.012),
        (gain, 1.0, 0.05),
        (offset, 0.0, 0.4),
    ]:
        assert values.mean() == pytest.approx(mean, abs=error * spread)
        assert values.std() == pytest.approx(spread, rel=error)
    assert (voltage >= 0).all()
    assert (voltage == 0).mean() == pytest.approx(0.5, abs=error / 2)
    assert voltage[voltage > 0].mean() == pytest.approx(0.03 * math.sqrt(2 / math.pi), rel=error)
    np.testing.assert_allclose(slope, (1 + (curve.mean() + 0.01) * 0.5 * 12) ** 2, rtol=1e-6)
    assert (inverse == 1).all()
    assert (known == 0).all()
    correlations = np.corrcoef([curve, noise, gain, offset])[np.triu_indices(4, 1)]
    assert np.abs(correlations).max() < error


def test_a_calibration_knows_gain_and_offset():
    io = IOParameters(out_gain_std=0.1, out_offset_std=0.3, out_calibration=True)
    lines = draw_lines(io, 20, 0, 1, FORWARD_LINES)
    np.testing.assert_allclose(lines[4] * lines[6], 1, rtol=1e-6)
    np.testing.assert_array_equal(lines[5], lines[7])


def test_both_sides_of_a_crossbar_and_every_crossbar_have_their_own_lines():
    io = IOParameters(out_gain_std=0.1)
    one = draw_lines(io, 20, 0, 1, FORWARD_LINES)
    for other in (
        draw_lines(io, 20, 0, 1, TRANSPOSED_LINES),
        draw_lines(io, 20, 1, 1, FORWARD_LINES),
        draw_lines(io, 20, 0, 2, FORWARD_LINES),
    ):
        assert (one[4] != other[4]).all()
    np.testing.assert_array_equal(one[4], draw_lines(io.model_copy(update={"v_offset_std": 0.1}), 20, 0, 1, 64)[4])


def test_the_running_average_is_exponential():
    io = IOParameters(noise_management="average-abs-max", nm_decay=0.25)
    block = np.array([[1.0, -4.0], [0.0, 0.0], [8.0, 2.0]], np.float32)
    np.testing.assert_allclose(running_average(io, block, 0.0), [4.0, 3.0, 4.25])
    np.testing.assert_allclose(running_average(io, block, 2.0), [2.5, 1.875, 3.40625])
    first, rest = running_average(io, block[:1], 0.0), running_average(io, block[1:], 4.0)
    np.testing.assert_array_equal(running_average(io, block, 0.0), np.concatenate([first, rest]))
    assert len(running_average(io, np.zeros((0, 3), np.float32), 0.0)) == 0
