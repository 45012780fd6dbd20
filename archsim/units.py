"""Quantities and clocks: time in integer picoseconds, energy in picojoules, power in watts.

One watt is one picojoule per picosecond, so ``energy_pj = power_w * time_ps`` needs no factor.
Quantities are read as exact fractions, so that "0.1 ns" is 100 ps and nothing near it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from archsim.errors import did_you_mean

__all__ = [
    "Bytes",
    "Clock",
    "ClockField",
    "Picojoules",
    "Picoseconds",
    "SquareMicrometres",
    "Watts",
    "format_duration",
    "format_energy",
    "format_power",
    "format_time",
]

_QUANTITY = re.compile(r"\s*(?P<number>[-+]?(?:\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*(?P<unit>\S.*?)?\s*")

#: Decimal exponents of the SI prefixes.
_PREFIXES = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}


@dataclass(frozen=True)
class _Dimension:
    """A kind of quantity: its units as exact multiples of the one that is stored."""

    name: str
    example: str
    units: dict[str, Fraction]


def _scaled(name: str, example: str, symbol: str, base: int, prefixes: str, *, power: int = 1) -> _Dimension:
    """Return a dimension with SI prefixes; `base` is the stored unit's decimal exponent."""
    suffix = symbol if power == 1 else f"{symbol}^{power}"
    units = {
        f"{prefix}{suffix}": Fraction(10) ** (_PREFIXES[prefix] * power - base) for prefix in (*prefixes.split(), "")
    }
    return _Dimension(name, example, units)


_TIME = _scaled("a time", "130 ns", "s", -12, "f p n u m")
_ENERGY = _scaled("an energy", "13.4 nJ", "J", -12, "f p n u m")
_POWER = _scaled("a power", "3 mW", "W", 0, "p n u m k")
_AREA = _scaled("an area", "75000 um^2", "m", -12, "n u m", power=2)
_FREQUENCY = _scaled("a frequency", "1 GHz", "Hz", 0, "k M G T")
_SIZE = _Dimension(
    "a size",
    "64 KiB",
    {"B": Fraction(1)}
    | {f"{prefix}B": Fraction(10) ** _PREFIXES[prefix] for prefix in "kMG"}
    | {f"{prefix}iB": Fraction(1024**power) for power, prefix in enumerate("KMG", start=1)},
)
_DIMENSIONS = (_TIME, _ENERGY, _POWER, _AREA, _FREQUENCY, _SIZE)


def _parse(quantity: object, dimension: _Dimension) -> Fraction:
    """Return a quantity such as ``"130 ns"`` as an exact multiple of the stored unit."""
    example = dimension.example
    if not isinstance(quantity, str):
        if isinstance(quantity, (int, float)) and not isinstance(quantity, bool) and quantity == 0:
            return Fraction(0)
        raise ValueError(f"{dimension.name} needs a number and its unit, such as '{example}'")
    found = _QUANTITY.fullmatch(quantity)
    if found is None:
        raise ValueError(f"not a quantity: write a number and a unit, such as '{example}'")
    number = _parse_number(found["number"])
    unit = _normalise(found["unit"] or "")
    if unit in dimension.units:
        return number * dimension.units[unit]
    if not unit and number == 0:
        return number
    raise ValueError(_wrong_unit(unit, dimension))


def _parse_number(text: str) -> Fraction:
    numerator, _, denominator = text.partition("/")
    if denominator:
        if int(denominator) == 0:
            raise ValueError("the number divides by zero")
        return Fraction(int(numerator), int(denominator))
    # The bound keeps a slip of the pen such as 1e999999999 from filling the memory with digits.
    exponent = re.search(r"[eE]([-+]?\d+)", text)
    if len(text) > 400 or (exponent and abs(int(exponent[1])) > 400):
        raise ValueError("the number lies outside every physical range")
    return Fraction(text)


def _normalise(unit: str) -> str:
    unit = unit.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u")
    unit = unit.replace("\N{SUPERSCRIPT TWO}", "^2").replace("**", "^").replace(" ", "")
    return re.sub(r"(?<=m)2$", "^2", unit)


def _wrong_unit(unit: str, dimension: _Dimension) -> str:
    example = dimension.example
    if not unit:
        return f"the unit is missing: write it as '{example}'"
    for other in _DIMENSIONS:
        if unit in other.units:
            return f"'{unit}' is the unit of {other.name}, and {dimension.name} is needed, such as '{example}'"
    close = did_you_mean(unit, dimension.units)
    hint = f"did you mean '{close}'? " if close else ""
    return (
        f"there is no unit '{unit}': {hint}write {dimension.name} as '{example}' (units: {', '.join(dimension.units)})"
    )


def _parse_whole(value: object, dimension: _Dimension, stored: str) -> int:
    number = _parse(value, dimension)
    if number < 0:
        raise ValueError(f"{dimension.name} cannot be negative")
    if number.denominator != 1:
        raise ValueError(f"{dimension.name} is a whole number of {stored}")
    if number >= 2**63:
        raise ValueError(f"{dimension.name} must be below 2^63 {stored}")
    return int(number)


def _parse_time(value: object) -> int:
    return _parse_whole(value, _TIME, "picoseconds")


def _parse_bytes(value: object) -> int:
    return _parse_whole(value, _SIZE, "bytes")


def _non_negative(dimension: _Dimension) -> BeforeValidator:
    def parse(value: object) -> float:
        number = _parse(value, dimension)
        if number < 0:
            raise ValueError(f"{dimension.name} cannot be negative")
        try:
            return float(number)
        except OverflowError as error:
            raise ValueError("the number lies outside every physical range") from error

    return BeforeValidator(parse)


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


def format_duration(time_ps: float) -> str:
    """Write a time for a person, rounded, as ``"1.235 ms"``."""
    return _engineering(time_ps, ((1e12, "s"), (1e9, "ms"), (1e6, "us"), (1e3, "ns"), (1.0, "ps")))


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
        """Write the frequency exactly: as a short decimal where there is one, else as a ratio."""
        hertz = Fraction(10**12) / self.period_ps
        for factor, unit in ((10**9, "GHz"), (10**6, "MHz"), (10**3, "kHz"), (1, "Hz")):
            scaled = hertz / factor
            decimal = repr(float(scaled)).removesuffix(".0")
            if scaled >= 1 and "e" not in decimal and Fraction(decimal) == scaled:
                return f"{decimal} {unit}"
        return f"{hertz.numerator}/{hertz.denominator} Hz"


def _parse_clock(value: object) -> Clock:
    if isinstance(value, Clock):
        return value
    hertz = _parse(value, _FREQUENCY)
    if hertz <= 0:
        raise ValueError("a clock frequency must be positive, such as '1 GHz'")
    return Clock(Fraction(10**12) / hertz)


def _examples(dimension: _Dimension) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": dimension.name, "examples": [dimension.example]})


Picoseconds = Annotated[
    int, BeforeValidator(_parse_time), PlainSerializer(format_time, return_type=str), _examples(_TIME)
]
Picojoules = Annotated[
    float, _non_negative(_ENERGY), PlainSerializer(lambda v: f"{v!r} pJ", return_type=str), _examples(_ENERGY)
]
Watts = Annotated[
    float, _non_negative(_POWER), PlainSerializer(lambda v: f"{v!r} W", return_type=str), _examples(_POWER)
]
SquareMicrometres = Annotated[
    float, _non_negative(_AREA), PlainSerializer(lambda v: f"{v!r} um^2", return_type=str), _examples(_AREA)
]
Bytes = Annotated[
    int, BeforeValidator(_parse_bytes), PlainSerializer(lambda v: f"{v} B", return_type=str), _examples(_SIZE)
]
ClockField = Annotated[
    Clock, BeforeValidator(_parse_clock), PlainSerializer(str, return_type=str), _examples(_FREQUENCY)
]
