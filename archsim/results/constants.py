"""Which physical constants of the chip a run rests on, and how well founded each is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from archsim.chip.domain import as_designed
from archsim.chip.provenance import constants_used
from archsim.chip.specification import Chip
from archsim.results.observations import Observations
from archsim.specification import Status, constants_of

__all__ = ["ConstantRecord", "chip_constants"]


@dataclass(frozen=True, slots=True)
class ConstantRecord:
    """A constant of the chip as it is reported.

    Attributes
    ----------
    name : str
        Dotted name below ``chip``, for example ``tile.integration_time``.
    value : float
        Value in `unit`.
    unit : str
        Unit, for example ``ns``.
    source : str
        Where the value comes from.
    status : str
        *measured*, *published*, *derived*, *placeholder* or *user*.
    used : bool
        Whether a time, an energy or the area of this run rests on it.
    """

    name: str
    value: float
    unit: str
    source: str
    status: Status
    used: bool


def chip_constants(chip: Chip, observations: Observations) -> tuple[ConstantRecord, ...]:
    """Return all physical constants of a chip as they are on its design, in the order of its document.

    None is used by a run without a clock.
    """
    chip = as_designed(chip)
    used = constants_used(observations.counts, observations.units, chip) if observations.makespan_ps else {}
    document = chip.model_dump(mode="json")
    records = []
    for name, constant in constants_of(chip):
        if not isinstance(constant.value, int | float):
            continue  # What is no quantity, such as a number format.
        value, unit = _quantity(document, name.split("."))
        records.append(ConstantRecord(name, value, unit, constant.source, constant.status, name in used))
    return tuple(records)


def _quantity(document: Mapping[str, Any], path: Iterable[str]) -> tuple[float, str]:
    """Value and unit as the chip's own document writes them, such as (130.0, "ns")."""
    at: Any = document
    for name in path:
        at = at[name]
    value, _, unit = str(at["value"]).partition(" ")
    return float(value), unit
