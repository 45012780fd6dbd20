"""Quantities and clocks: time in integer picoseconds, energy in picojoules, power in watts.

One watt is one picojoule per picosecond, so ``energy_pj = power_w * time_ps`` needs no factor.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Any

import pint
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = [
    "Bytes",
    "Clock",
    "ClockField",
    "Picojoules",
    "Picoseconds",
    "SquareMicrometres",
    "Watts",
    "format_energy",
    "format_power",
    "format_time",
]


@functools.cache
def _registry() -> pint.UnitRegistry[Any]:
    return pint.UnitRegistry(non_int_type=Fraction)


def _parse(text: object, unit: str, example: str) -> Fraction:
    """Return a quantity such as ``"130 ns"`` as an exact number of `unit`."""
    if not isinstance(text, str):
        if isinstance(text, (int, float)) and not isinstance(text, bool) and text == 0:
            return Fraction(0)
        raise ValueError(f"a quantity with its unit is needed, such as '{example}'")
    registry = _registry()
    try:
        quantity = registry.Quantity(text)
    except Exception as error:  # pint raises a dozen kinds, its tokenizer more
        raise ValueError(f"not a quantity: write a number and a unit, such as '{example}'") from error
    try:
        magnitude = quantity.to(unit).magnitude
    except pint.DimensionalityError as error:
        raise ValueError(f"wrong unit: {error}; write it as '{example}'") from error
    return Fraction(magnitude)


def _parse_time(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value != 0:
        raise ValueError("a time needs its unit, such as '130 ns'")
    time = _parse(value, "picosecond", "130 ns")
    if time.denominator != 1:
        raise ValueError("times are whole picoseconds")
    if time < 0:
        raise ValueError("a time cannot be negative")
    return int(time)


def _non_negative(unit: str, example: str) -> BeforeValidator:
    def parse(value: object) -> float:
        number = float(_parse(value, unit, example))
        if number < 0:
            raise ValueError("must not be negative")
        return number

    return BeforeValidator(parse)


def _parse_bytes(value: object) -> int:
    size = _parse(value, "byte", "64 KiB")
    if size.denominator != 1 or size < 0:
        raise ValueError("a size is a whole, non-negative number of bytes")
    return int(size)


def format_time(time_ps: int) -> str:
    """Write a time exactly, in the largest unit that needs no fraction, as ``"130 ns"``."""
    for factor, unit in ((10**12, "s"), (10**9, "ms"), (10**6, "us"), (10**3, "ns")):
        if time_ps and time_ps % factor == 0:
            return f"{time_ps // factor} {unit}"
    return f"{time_ps} ps"


def _engineering(value: float, steps: tuple[tuple[float, str], ...]) -> str:
    for factor, unit in steps:
        if abs(value) >= factor:
            return f"{value / factor:.4g} {unit}"
    factor, unit = steps[-1]
    return f"{value / factor:.4g} {unit}"


def format_energy(energy_pj: float) -> str:
    """Write an energy for a person, as ``"13.4 nJ"``."""
    return _engineering(energy_pj, ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"), (1e-3, "fJ")))


def format_power(power_w: float) -> str:
    """Write a power for a person, as ``"3.1 mW"``."""
    return _engineering(power_w, ((1.0, "W"), (1e-3, "mW"), (1e-6, "uW"), (1e-9, "nW")))


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock domain: a rational period, so that no edge ever drifts.

    Parameters
    ----------
    period_ps : Fraction
        Period in picoseconds.
    """

    period_ps: Fraction

    def edge(self, k: int) -> int:
        """Return the time of the k-th edge in whole picoseconds (rounded up, from `k` itself)."""
        return -(-k * self.period_ps.numerator // self.period_ps.denominator)

    def cycles(self, n: int) -> int:
        """Return how long `n` cycles last from edge 0, in whole picoseconds."""
        return self.edge(n)

    def __str__(self) -> str:
        hertz = Fraction(10**12) / self.period_ps
        for factor, unit in ((10**9, "GHz"), (10**6, "MHz"), (10**3, "kHz"), (1, "Hz")):
            scaled = hertz / factor
            if scaled >= 1 and scaled.denominator in (1, 2, 4, 5, 8, 10, 20, 25, 40, 50, 100, 1000):
                return f"{float(scaled):g} {unit}"
        return f"{hertz.numerator}/{hertz.denominator} Hz"


def _parse_clock(value: object) -> Clock:
    if isinstance(value, Clock):
        return value
    if isinstance(value, str) and value.endswith(" Hz") and "/" in value:
        hertz = Fraction(value.removesuffix(" Hz"))
    else:
        hertz = _parse(value, "hertz", "1 GHz")
    if hertz <= 0:
        raise ValueError("a clock frequency must be positive, such as '1 GHz'")
    return Clock(Fraction(10**12) / hertz)


Picoseconds = Annotated[
    int,
    BeforeValidator(_parse_time),
    PlainSerializer(format_time, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["130 ns"]}),
]
Picojoules = Annotated[
    float,
    _non_negative("picojoule", "13.4 nJ"),
    PlainSerializer(lambda v: f"{v!r} pJ", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["13.4 nJ"]}),
]
Watts = Annotated[
    float,
    _non_negative("watt", "3 mW"),
    PlainSerializer(lambda v: f"{v!r} W", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["3 mW"]}),
]
SquareMicrometres = Annotated[
    float,
    _non_negative("micrometer ** 2", "75000 um^2"),
    PlainSerializer(lambda v: f"{v!r} um^2", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["75000 um^2"]}),
]
Bytes = Annotated[
    int,
    BeforeValidator(_parse_bytes),
    PlainSerializer(lambda v: f"{v} B", return_type=str),
    WithJsonSchema({"type": "string", "examples": ["64 KiB"]}),
]
ClockField = Annotated[
    Clock,
    BeforeValidator(_parse_clock),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["1 GHz"]}),
]
