"""On what a run's energy, area and time stand: how much of each comes from constants that are guesses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from archsim.chip.area import AreaRow
from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.specification import Chip
from archsim.chip.unit_energies import leakages, unit_energies
from archsim.specification import Status, constants_of

__all__ = ["placeholder_shares"]


def placeholder_shares(
    chip: Chip,
    counts: Mapping[CountKey, int],
    units: Sequence[UnitTime],
    area: Iterable[AreaRow],
    busy_ps: Mapping[str, int],
) -> dict[str, float]:
    """Return the share of a run's time, energy and area that rests on placeholders, 0 to 1.

    Parameters
    ----------
    chip : Chip
        As `archsim.chip.domain.as_designed` returns it.
    counts, units
        Operations and power-state times of the run.
    area : iterable of AreaRow
        What the chip is made of.
    busy_ps : mapping of str to int
        Busy time of the bottleneck unit by the constants that it comes from.

    Returns
    -------
    dict of str to float
        ``time``, ``energy`` and ``area``; what is zero as a whole has no share and is left out.
    """
    guessed = {name for name, status in _statuses(chip).items() if status == "placeholder"}
    shares = {
        "time": _share(busy_ps.items(), guessed),
        "energy": _share(_energies(chip, counts, units), guessed),
        "area": _share(((name, row.count * part) for row in area for name, part in row.parts.items()), guessed),
    }
    return {name: share for name, share in shares.items() if share is not None}


def _statuses(chip: Chip) -> dict[str, Status]:
    found = {name: constant.status for name, constant in constants_of(chip)}
    for name, part in (
        ("nmpu", chip.nmpu),
        ("buffer", chip.buffer),
        ("interconnect", chip.interconnect),
        ("host", chip.host),
    ):
        if part is not None:
            found[f"{name}.timing"] = part.timing.status
    return found


def _energies(chip: Chip, counts: Mapping[CountKey, int], units: Sequence[UnitTime]) -> Iterable[tuple[str, float]]:
    energies = unit_energies(chip)
    for key, count in counts.items():
        for name, part in energies[key.component, key.operation].parts.items():
            yield name, count * part
    powers = leakages(chip)
    for unit in units:
        if unit.component in powers:
            leakage, section = powers[unit.component]
            yield f"{section}.active", leakage.active.value * unit.active_ps
            yield f"{section}.idle", leakage.idle.value * unit.idle_ps
            yield f"{section}.gated", leakage.gated.value * unit.gated_ps


def _share(parts: Iterable[tuple[str, float]], guessed: set[str]) -> float | None:
    found = list(parts)
    total = math.fsum(part for _, part in found)
    return min(1.0, math.fsum(part for name, part in found if name in guessed) / total) if total else None
