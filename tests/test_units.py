"""Quantities are read exactly, written so that they come back, and refused in plain words."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from archsim.units import (
    Bytes,
    Clock,
    ClockField,
    Picojoules,
    Picoseconds,
    SquareMicrometres,
    Watts,
    format_age,
    format_energy,
    format_operations,
    format_power,
    format_time,
)

TIME: TypeAdapter[int] = TypeAdapter(Picoseconds)
ENERGY: TypeAdapter[float] = TypeAdapter(Picojoules)
POWER: TypeAdapter[float] = TypeAdapter(Watts)
AREA: TypeAdapter[float] = TypeAdapter(SquareMicrometres)
SIZE: TypeAdapter[int] = TypeAdapter(Bytes)
CLOCK: TypeAdapter[Clock] = TypeAdapter(ClockField)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("130 ns", 130_000),
        ("130ns", 130_000),
        ("0.1 ns", 100),
        ("1/4 ns", 250),
        ("2.5e-1 us", 250_000),
        ("3 \N{MICRO SIGN}s", 3_000_000),
        ("1000 fs", 1),
        ("0", 0),
        (0, 0),
        ("0 s", 0),
        ("2 min", 120 * 10**12),
        ("1 h", 3600 * 10**12),
        ("1.5 h", 5400 * 10**12),
        ("2 days", 172_800 * 10**12),
        ("1/10 year", 3_155_760 * 10**12),
    ],
)
def test_times_are_exact_picoseconds(text: object, expected: int) -> None:
    assert TIME.validate_python(text) == expected


@pytest.mark.parametrize(
    ("adapter", "text", "expected"),
    [
        (ENERGY, "13.4 nJ", 13400.0),
        (ENERGY, "85 fJ", 0.085),
        (ENERGY, "25 aJ", 25e-6),
        (AREA, "1.5 cm^2", 1.5e8),
        (POWER, "3.1 mW", 0.0031),
        (AREA, "75000 um^2", 75000.0),
        (AREA, "0.635 mm2", 635_000.0),
        (AREA, "2 um**2", 2.0),
        (SIZE, "64 KiB", 65536),
        (SIZE, "64 kB", 64000),
        (SIZE, "7 B", 7),
    ],
)
def test_other_quantities(adapter: TypeAdapter[float], text: str, expected: float) -> None:
    assert adapter.validate_python(text) == expected


@pytest.mark.parametrize(
    ("adapter", "text", "words"),
    [
        (TIME, 130, "a time needs a number and its unit, such as '130 ns'"),
        (TIME, True, "such as '130 ns'"),
        (TIME, None, "such as '130 ns'"),
        (TIME, "130", "the unit is missing"),
        (TIME, "fast", "not a quantity"),
        (TIME, "nan ns", "not a quantity"),
        (TIME, "1 x" + " " * 100_000 + "x\n", "not a quantity"),
        (TIME, "1 10^10^10 s", "there is no unit '10^10^10s'"),
        (TIME, "1 s^99999999", "there is no unit"),
        (TIME, "1 s*9**9**9", "there is no unit"),
        (TIME, "13 nJ", "'nJ' is the unit of an energy, and a time is needed"),
        (TIME, "13 nss", "did you mean 'ns'?"),
        (TIME, "0.5 ps", "whole number of picoseconds"),
        (TIME, "-1 ns", "cannot be negative"),
        (TIME, "1e30 s", "below 2^63"),
        (TIME, "1/0 s", "divides by zero"),
        (TIME, "1e999999999 s", "outside every physical range"),
        (TIME, "1e-999999999 s", "outside every physical range"),
        (ENERGY, "1e350 J", "outside every physical range"),
        (ENERGY, "-2 pJ", "an energy cannot be negative"),
        (SIZE, "1.5 B", "whole number of bytes"),
        (CLOCK, "0 GHz", "must be positive"),
        (CLOCK, "-1 GHz", "must be positive"),
        (CLOCK, "1 ns", "a frequency is needed"),
    ],
)
def test_wrong_quantities_say_what_is_wrong(adapter: TypeAdapter[object], text: object, words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python(text)
    assert words in str(caught.value)


@given(st.integers(0, 2**63 - 1))
def test_a_time_comes_back_exactly(time_ps: int) -> None:
    assert TIME.validate_python(TIME.dump_python(time_ps)) == time_ps


@given(st.floats(min_value=0, allow_infinity=False))
def test_an_energy_comes_back_exactly(energy_pj: float) -> None:
    assert ENERGY.validate_python(ENERGY.dump_python(energy_pj)) == energy_pj


@given(st.fractions(min_value=Fraction(1, 10**9), max_value=10**15))
def test_a_clock_comes_back_exactly(period_ps: Fraction) -> None:
    if period_ps:
        clock = Clock(period_ps)
        assert CLOCK.validate_python(str(clock)) == clock


def test_clocks_are_written_for_people_where_that_is_exact() -> None:
    assert str(CLOCK.validate_python("1 GHz")) == "1 GHz"
    assert str(CLOCK.validate_python("312.5 MHz")) == "312.5 MHz"
    assert str(CLOCK.validate_python("1234567890.125 kHz")) == "1234.567890125 GHz"
    assert str(Clock(Fraction(3000))) == "1000000000/3 Hz"


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 10**6))
def test_clock_edges_never_drift(numerator: int, denominator: int, k: int) -> None:
    clock = Clock(Fraction(numerator, denominator))
    exact = k * Fraction(numerator, denominator)
    assert 0 <= clock.edge(k) - exact < 1
    assert clock.cycles(k) == clock.edge(k)


def test_formats_for_people() -> None:
    assert format_time(384_000) == "384 ns"
    assert format_time(384_001) == "384001 ps"
    assert format_time(0) == "0 ps"
    assert format_energy(13_400.0) == "13.4 nJ"
    assert format_energy(0.0) == "0 fJ"
    assert format_power(0.0031) == "3.1 mW"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 s"),
        (20, "20 s"),
        (86_400, "1 day"),
        (2 * 86_400, "2 days"),
        (31_557_600, "1 year"),
        (0.5, "0.5 s"),
        (0, "0 s"),
    ],
)
def test_long_times_are_written_as_people_state_them(seconds: float, text: str) -> None:
    assert format_age(seconds) == text


def test_operations_have_a_handy_prefix() -> None:
    assert format_operations(6.266e-05) == "62.66 MOPS"
    assert format_operations(1.2252, "/W") == "1.225 TOPS/W"
    assert format_operations(0.0) == "0 TOPS"
