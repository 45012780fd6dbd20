"""From counts to energy: the cost model that prices a finished run, again and again if need be.

Chips are taken as `archsim.chip.domain.as_designed` returns them: constants stand for the design at hand.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields

import pandas as pd

from archsim.chip.area import area_um2
from archsim.chip.counts import OPERATIONS, CountKey, UnitTime
from archsim.chip.provenance import constants_used, placeholders_used, timing_fingerprint
from archsim.chip.specification import Chip
from archsim.chip.unit_energies import UnitEnergy, leakages, unit_energies

__all__ = [
    "CostRow",
    "UnitEnergy",
    "area_um2",
    "constants_used",
    "cost_rows",
    "cost_table",
    "energy_pj",
    "placeholders_used",
    "timing_fingerprint",
    "unit_energies",
]

_PHASES = ("P", "F", "B", "U", "T", "C")


@dataclass(frozen=True, slots=True)
class CostRow:
    """One line of the ledger, priced.

    Leakage stands in rows of its own: ``operation`` is ``leakage``, ``phase`` the power state
    (``active``, ``idle`` or ``gated``) and ``count`` the picoseconds that all units of the component
    spent in it together.
    """

    component: str
    phase: str
    layer: str
    operation: str
    count: int
    dynamic_pj: float
    leakage_pj: float


def cost_rows(counts: Mapping[CountKey, int], units: Sequence[UnitTime], chip: Chip) -> Iterator[CostRow]:
    """Price every count and every power state; see `cost_table`."""
    prices = unit_energies(chip)
    for key in sorted(counts, key=_Order(counts)):
        dynamic = counts[key] * prices[key.component, key.operation].pj
        yield CostRow(key.component, key.phase, key.layer, key.operation, counts[key], dynamic, 0.0)
    power = leakages(chip)
    for component, times in _state_times(units).items():
        for state, time_ps in times.items():
            leakage_w = getattr(power[component][0], state).value if component in power else 0.0
            yield CostRow(component, state, "", "leakage", time_ps, 0.0, leakage_w * time_ps)


def cost_table(counts: Mapping[CountKey, int], units: Sequence[UnitTime], chip: Chip) -> pd.DataFrame:
    """Return the priced ledger as a table.

    Parameters
    ----------
    counts : mapping of CountKey to int
        Operations of a run.
    units : sequence of UnitTime
        Power-state times of every unit.
    chip : Chip
        Whose prices apply; it may differ from the run's chip in energies and static powers.

    Returns
    -------
    DataFrame
        Columns ``component, phase, layer, operation, count, dynamic_pj, leakage_pj``; by component,
        then layer in the order of `counts`, then phase. Leakage has rows of its own (see `CostRow`).
    """
    rows = list(cost_rows(counts, units, chip))
    table = pd.DataFrame({field.name: [getattr(row, field.name) for row in rows] for field in fields(CostRow)})
    return table.astype({"count": "int64", "dynamic_pj": "float64", "leakage_pj": "float64"})


def energy_pj(counts: Mapping[CountKey, int], units: Sequence[UnitTime], chip: Chip) -> tuple[float, float]:
    """Return (dynamic, leakage) energy: the correctly rounded sums of the table's columns."""
    rows = list(cost_rows(counts, units, chip))
    return math.fsum(row.dynamic_pj for row in rows), math.fsum(row.leakage_pj for row in rows)


class _Order:
    """Sorts counts for a reader: components as listed, layers as first seen, then phase and operation."""

    def __init__(self, counts: Mapping[CountKey, int]) -> None:
        self._components = {component: i for i, component in enumerate(OPERATIONS)}
        self._layers: dict[str, int] = {}
        for key in counts:
            self._layers.setdefault(key.layer, len(self._layers))

    def __call__(self, key: CountKey) -> tuple[int, int, int, int]:
        phase = _PHASES.index(key.phase) if key.phase in _PHASES else len(_PHASES)
        operations = OPERATIONS[key.component]
        return self._components[key.component], self._layers[key.layer], phase, operations.index(key.operation)


def _state_times(units: Sequence[UnitTime]) -> dict[str, dict[str, int]]:
    totals: dict[str, dict[str, int]] = {}
    for unit in units:
        times = totals.setdefault(unit.component, {"active": 0, "idle": 0, "gated": 0})
        times["active"] += unit.active_ps
        times["idle"] += unit.idle_ps
        times["gated"] += unit.gated_ps
    return totals
