"""The numbers of a converter."""

import math

import pytest

from archsim.analog.converters import make_converters, resolution
from archsim.analog.specification import IOParameters


def test_seven_bits_over_one_have_the_step_1_63():
    assert resolution(1.0, 7) == 1 / 63
    assert resolution(12.0, 9) == pytest.approx(24 / 510)
    assert resolution(1.0, None) == 0.0


def test_bound_management_ends_at_a_quarter_step():
    assert make_converters(IOParameters(), 7, 9).max_bm_scale == pytest.approx(15.75)
    assert make_converters(IOParameters(inp_bound=2.0), 7, 9).max_bm_scale == pytest.approx(15.75)
    assert make_converters(IOParameters(), None, 9).max_bm_scale == math.inf
