"""What a run costs: its counts and times, priced for a chip."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from archsim.chip.area import Built, area_rows
from archsim.chip.attribution import peak_tops
from archsim.chip.cautions import chip_warnings
from archsim.chip.cost import cost_table, energy_pj
from archsim.chip.domain import as_designed
from archsim.chip.specification import Chip
from archsim.chip.standing import placeholder_shares
from archsim.results.area import area_table
from archsim.results.constants import ConstantRecord, chip_constants
from archsim.results.metrics import Costs, MetricValue, compute_metrics
from archsim.results.observations import Observations
from archsim.results.tally import Tally

__all__ = ["COST_COLUMNS", "Priced", "price"]

#: Column names and types of a cost table.
COST_COLUMNS: dict[str, str] = {
    "component": "str",
    "phase": "str",
    "layer": "str",
    "operation": "str",
    "count": "int64",
    "dynamic_pj": "float64",
    "leakage_pj": "float64",
}


@dataclass(frozen=True)
class Priced:
    """What depends on the prices of a chip: metrics, costs, area, constants and warnings."""

    metrics: dict[str, MetricValue]
    cost: pd.DataFrame
    area: pd.DataFrame
    constants: tuple[ConstantRecord, ...]
    warnings: tuple[str, ...]


def price(observations: Observations, chip: Chip, tallies: Sequence[Tally | None] = ()) -> Priced:
    """Return what a run costs on a chip.

    Parameters
    ----------
    observations : Observations
        What it observed.
    chip : Chip
        The chip.
    tallies : sequence of Tally or None
        What had been counted at each evaluation.
    """
    seen, designed = observations, as_designed(chip)
    dynamic, leakage = energy_pj(seen.counts, seen.units, designed)
    built = area_rows(designed, Built(seen.tiles, seen.nodes, seen.arrays)) if seen.tiles else ()
    busy_ps = seen.bottleneck.parts_ps if seen.bottleneck else {}
    table = cost_table(seen.counts, seen.units, designed)
    costs = Costs(
        dynamic,
        leakage,
        math.fsum(row.area_um2 for row in built),
        peak_tops(designed, seen.tiles),
        placeholder_shares(designed, seen.counts, seen.units, built, busy_ps),
        math.fsum(table["dynamic_pj"][table["phase"] == "P"]),
        _energy_to_target(seen, designed, tallies),
    )
    return Priced(
        metrics=compute_metrics(seen, costs),
        cost=table[list(COST_COLUMNS)].astype(COST_COLUMNS).reset_index(drop=True),
        area=area_table(built),
        constants=chip_constants(chip, seen),
        warnings=chip_warnings(chip) if seen.makespan_ps else (),
    )


def _energy_to_target(seen: Observations, chip: Chip, tallies: Sequence[Tally | None]) -> float | None:
    """Return the energy until the evaluation that reached the target, if it is known."""
    index = seen.target_evaluation
    tally = None if index is None or index >= len(tallies) else tallies[index]
    return None if tally is None or not seen.makespan_ps else tally.energy_pj(chip)
