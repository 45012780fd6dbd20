"""Numbers for people."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.report.scales import energy_scale, short, time_scale, write_value


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (79_447_000, "ps", "79.45 µs"),
        (999, "ps", "999 ps"),
        (0, "ps", "0 ps"),
        (1.5e12, "ps", "1.5 s"),
        (2.537e6, "pJ", "2.537 µJ"),
        (0.25, "pJ", "250 fJ"),
        (0.016, "W", "16 mW"),
        (2.93e6, "um^2", "2.93 mm²"),
        (12.0, "um^2", "12 µm²"),
        (0, "um^2", "0 µm²"),
        (4096, "B", "4 KiB"),
        (0.01336, "TOPS", "13.36 GOPS"),
        (6.266e-05, "TOPS", "62.66 MOPS"),
        (1.225, "TOPS/W", "1.225 TOPS/W"),
        (0.004559, "TOPS/mm^2", "4.559 GOPS/mm²"),
        (0, "TOPS/mm^2", "0 TOPS/mm²"),
        (756213.16, "1/s", "756\u202f213 1/s"),
        (1234567, "", "1\u202f234\u202f567"),
        (0.12345, "", "0.1235"),
        (2.0, "updates", "2 updates"),
        (None, "ps", "—"),
        (float("nan"), "W", "—"),
    ],
)
def test_values_have_four_digits_and_a_handy_unit(value: float | None, unit: str, text: str) -> None:
    assert write_value(value, unit) == text


@given(st.lists(st.floats(1e-6, 1e15), min_size=1))
def test_the_largest_value_of_an_axis_is_handy(values: list[float]) -> None:
    for scale in (time_scale(values), energy_scale(values)):
        largest = max(values) / scale.factor
        assert largest < 1000 or scale.unit in ("s", "J")
        assert largest >= 1 or scale.unit in ("ps", "fJ")


def test_axes_of_nothing_have_a_unit() -> None:
    assert time_scale([]).unit == "ps"
    assert energy_scale([math.nan]).unit == "fJ"
    assert short(1e20) == "1e+20"
