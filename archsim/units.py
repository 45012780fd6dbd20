"""Quantities and clocks: time in integer picoseconds, energy in picojoules, power in watts.

One watt is one picojoule per picosecond, so ``energy_pj = power_w * time_ps`` needs no factor.
Quantities are read as exact fractions, so that "0.1 ns" is 100 ps and nothing near it.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from archsim.errors import did_you_mean

if TYPE_CHECKING:
    from pint import UnitRegistry

__all__ = [
    "Bytes",
    "Clock",
    "ClockField",
    "Picojoules",
    "Picoseconds",
    "PositiveSeconds",
    "Seconds",
    "SquareMicrometres",
    "Watts",
    "format_age",
    "format_duration",
    "format_energy",
    "format_operations",
    "format_power",
    "format_time",
]

_QUANTITY = re.compile(r"\s*(?P<number>[-+]?(?:\d+/\d+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?))\s*(?P<unit>\S.*?)?\s*")
#: Longer texts are no quantities: the pattern above looks at blanks again and again.
_LONGEST = 500
#: Units as people write them. The unit library would compute any power of numbers that it finds in one.
_UNIT = re.compile(r"[A-Za-z]+(\^-?\d)?([*/][A-Za-z]+(\^-?\d)?){0,3}")

#: What quantities are made of; only these, so that a slip of the pen is not taken for an exotic unit. A year is the
#: Julian one of 365.25 days (International Astronomical Union, Style Manual, 1989).
_DEFINITIONS = """
atto- = 1/1000000000000000000 = a-
femto- = 1/1000000000000000 = f-
pico- = 1/1000000000000 = p-
nano- = 1/1000000000 = n-
micro- = 1/1000000 = u- = \N{MICRO SIGN}- = \N{GREEK SMALL LETTER MU}-
milli- = 1/1000 = m-
centi- = 1/100 = c-
kilo- = 1000 = k-
mega- = 1000000 = M-
giga- = 1000000000 = G-
tera- = 1000000000000 = T-
kibi- = 1024 = Ki-
mebi- = 1048576 = Mi-
gibi- = 1073741824 = Gi-
second = [time] = s
minute = 60 * second = min
hour = 3600 * second = h
day = 86400 * second
year = 31557600 * second
meter = [length] = m
joule = [energy] = J
watt = joule / second = W
hertz = 1 / second = Hz
byte = [information] = B
"""


@dataclass(frozen=True)
class _Dimension:
    """A kind of quantity: the unit in which it is stored, and the usual ones."""

    name: str
    example: str
    stored: str
    usual: tuple[str, ...]


_TIME = _Dimension("a time", "130 ns", "ps", ("fs", "ps", "ns", "us", "ms", "s", "min", "h", "day", "year"))
#: The same as people write it of devices that are read hours or years after they were programmed.
_LONG_TIME = _Dimension("a time", "1 day", "ps", _TIME.usual)
_ENERGY = _Dimension("an energy", "13.4 nJ", "pJ", ("aJ", "fJ", "pJ", "nJ", "uJ", "mJ", "J"))
_POWER = _Dimension("a power", "3 mW", "W", ("pW", "nW", "uW", "mW", "W", "kW"))
_AREA = _Dimension("an area", "75000 um^2", "um^2", ("nm^2", "um^2", "mm^2", "cm^2", "m^2"))
_FREQUENCY = _Dimension("a frequency", "1 GHz", "Hz", ("Hz", "kHz", "MHz", "GHz", "THz"))
_SIZE = _Dimension("a size", "64 KiB", "B", ("B", "kB", "MB", "GB", "KiB", "MiB", "GiB"))
_DIMENSIONS = (_TIME, _ENERGY, _POWER, _AREA, _FREQUENCY, _SIZE)


@functools.cache
def _registry() -> UnitRegistry[Fraction]:
    # Imported on first use: a command that reads no quantity should not wait for it.
    from pint import UnitRegistry

    registry: UnitRegistry[Fraction] = UnitRegistry(None, non_int_type=Fraction)
    registry.load_definitions(_DEFINITIONS.strip().splitlines())
    return registry


@functools.cache
def _factor(unit: str, stored: str) -> Fraction | None:
    """Return how many of `stored` a unit is, or None if it is no unit of that kind."""
    if not _UNIT.fullmatch(unit):
        return None
    try:
        return Fraction(_registry().Quantity(Fraction(1), unit).to(stored).magnitude)
    except Exception:  # what is no unit comes back as a dozen kinds of errors
        return None


def _parse(quantity: object, dimension: _Dimension) -> Fraction:
    """Return a quantity such as ``"130 ns"`` as an exact multiple of the stored unit."""
    example = dimension.example
    if not isinstance(quantity, str):
        if isinstance(quantity, (int, float)) and not isinstance(quantity, bool) and quantity == 0:
            return Fraction(0)
        raise ValueError(f"{dimension.name} needs a number and its unit, such as '{example}'")
    found = _QUANTITY.fullmatch(quantity) if len(quantity) <= _LONGEST else None
    if found is None:
        raise ValueError(f"not a quantity: write a number and a unit, such as '{example}'")
    number = _parse_number(found["number"])
    unit = _normalise(found["unit"] or "")
    if not unit and number == 0:
        return number
    factor = _factor(unit, dimension.stored) if unit else None
    if factor is not None:
        return number * factor
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
        if _factor(unit, other.stored) is not None:
            return f"'{unit}' is the unit of {other.name}, and {dimension.name} is needed, such as '{example}'"
    close = did_you_mean(unit, dimension.usual)
    hint = f"did you mean '{close}'? " if close else ""
    return (
        f"there is no unit '{unit}': {hint}write {dimension.name} as '{example}' (units: {', '.join(dimension.usual)})"
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


def format_area(area_um2: float) -> str:
    """Write an area for a person, as ``"2.93 mm2"``."""
    return _engineering(area_um2, ((1e6, "mm2"), (1.0, "um2")))


def format_operations(tera: float, per: str = "") -> str:
    """Write 10^12 operations a second (or of a watt, ...) for a person: ``"13.36 GOPS"``, ``"1.225 TOPS/W"``."""
    steps = ((1.0, "TOPS"), (1e-3, "GOPS"), (1e-6, "MOPS"), (1e-9, "kOPS"))
    return _engineering(tera, steps if tera else steps[:1]) + per


def format_age(seconds: float) -> str:
    """Write a long time exactly, in the largest unit that needs no fraction: ``"1 year"``, ``"2 days"``, ``"20 s"``."""
    for factor, one, many in (
        (31_557_600, "year", "years"),
        (86_400, "day", "days"),
        (3600, "h", "h"),
        (60, "min", "min"),
    ):
        if seconds and seconds % factor == 0:
            return f"{seconds / factor:,.12g} {one if seconds == factor else many}"
    return f"{seconds:,.12g} s"


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


def _parse_seconds(value: object) -> object:
    """Return a number of seconds; a plain number is one already, and whatever is no time stays for the next check."""
    if not isinstance(value, str):
        return value
    return float(_parse(value, _LONG_TIME)) / 10**12


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


def _seconds(bound: str) -> tuple[BeforeValidator, WithJsonSchema]:
    schema = {"anyOf": [{"type": "number", bound: 0}, _examples(_LONG_TIME).json_schema]}
    return BeforeValidator(_parse_seconds), WithJsonSchema(schema)


#: Long times: seconds as plain numbers, or quantities such as "1 day"; floats, for they are far from every clock.
Seconds = Annotated[float, Field(ge=0), *_seconds("minimum")]
PositiveSeconds = Annotated[float, Field(gt=0), *_seconds("exclusiveMinimum")]
