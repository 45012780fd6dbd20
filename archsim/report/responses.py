"""The numbers of a device's response in words, for figures and terminals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.report.scales import short

if TYPE_CHECKING:
    from archsim.analog.devices.curves import Curves

__all__ = ["response_numbers"]

#: Differences of steps below this share are rounding.
_EQUAL = 1e-4


def response_numbers(curves: Curves) -> str:
    """Return number of states, asymmetry and symmetric point of a device; see `Curves`."""
    parts = [f"{short(curves.states)} states of {curves.granularity:.4g}", f"asymmetry {_number(curves.asymmetry)}"]
    if curves.symmetric_point is not None:
        parts.append(f"symmetric point {_number(curves.symmetric_point)}")
    elif abs(curves.asymmetry) < _EQUAL:
        parts.append("symmetric at more than one weight")
    else:
        parts.append("no symmetric point")
    return ", ".join(parts)


def _number(value: float) -> str:
    return "0" if abs(value) < _EQUAL else f"{value:.3g}"
