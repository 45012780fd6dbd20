"""Numbers for people: one unit for an axis, four digits for a card."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Scale", "energy_scale", "power_scale", "short", "time_scale", "write_value"]


class Scale(NamedTuple):
    """A unit and how much of the base unit it is."""

    factor: float
    unit: str


_TIME = (Scale(1e12, "s"), Scale(1e9, "ms"), Scale(1e6, "µs"), Scale(1e3, "ns"), Scale(1.0, "ps"))
_ENERGY = (
    Scale(1e12, "J"),
    Scale(1e9, "mJ"),
    Scale(1e6, "µJ"),
    Scale(1e3, "nJ"),
    Scale(1.0, "pJ"),
    Scale(1e-3, "fJ"),
)
_POWER = (Scale(1.0, "W"), Scale(1e-3, "mW"), Scale(1e-6, "µW"), Scale(1e-9, "nW"))
_AREA = (Scale(1e6, "mm²"), Scale(1.0, "µm²"))
_SIZE = (Scale(2.0**30, "GiB"), Scale(2.0**20, "MiB"), Scale(2.0**10, "KiB"), Scale(1.0, "B"))
_OPERATIONS = (Scale(1.0, "TOPS"), Scale(1e-3, "GOPS"), Scale(1e-6, "MOPS"), Scale(1e-9, "kOPS"))
_BY_UNIT = {"ps": _TIME, "pJ": _ENERGY, "W": _POWER, "um^2": _AREA, "B": _SIZE} | {
    f"TOPS{per}": tuple(Scale(factor, unit + per.replace("^2", "²")) for factor, unit in _OPERATIONS)
    for per in ("", "/W", "/mm^2")
}


def _choose(scales: tuple[Scale, ...], values: Iterable[float]) -> Scale:
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    return next((scale for scale in scales if largest >= scale.factor), scales[-1])


def time_scale(values_ps: Iterable[float]) -> Scale:
    """Return the unit in which the largest of some times in picoseconds is a handy number."""
    return _choose(_TIME, values_ps)


def energy_scale(values_pj: Iterable[float]) -> Scale:
    """Return the unit in which the largest of some energies in picojoules is a handy number."""
    return _choose(_ENERGY, values_pj)


def power_scale(values_w: Iterable[float]) -> Scale:
    """Return the unit in which the largest of some powers in watts is a handy number."""
    return _choose(_POWER, values_w)


def short(number: float) -> str:
    """Write a pure number with four digits; a whole or a large one to the unit, with thin gaps between thousands."""
    if isinstance(number, int) or ((number == int(number) or abs(number) >= 1e4) and abs(number) < 1e15):
        return f"{round(number):,}".replace(",", "\u202f")
    return f"{number:.4g}"


def write_value(value: float | None, unit: str) -> str:
    """Write a metric's number for a person, ``79.45 µs`` for 79447000 ps; a missing one as a dash."""
    if value is None or not math.isfinite(value):
        return "—"
    if unit not in _BY_UNIT:
        return f"{short(value)} {unit}".rstrip()
    if value == 0:
        return f"0 {unit.replace('um^2', 'µm²').replace('^2', '²')}"
    factor, name = _choose(_BY_UNIT[unit], (value,))
    return f"{value / factor:.4g} {name}"
