"""A tally: what had been counted at one moment of a run, small enough to keep for every evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archsim.chip.cost import energy_pj
from archsim.chip.counts import CountKey, UnitTime
from archsim.chip.specification import Chip

__all__ = ["Tally"]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts and power-state times up to one moment, summed over phases, layers and units.

    It lets the energy of a learning curve be priced for another technology afterwards.

    Attributes
    ----------
    counts : mapping of (component, operation) to int
        Operations so far.
    times_ps : mapping of str to (int, int, int)
        Active, idle and gated time so far, by component, summed over its units.
    """

    counts: Mapping[tuple[str, str], int]
    times_ps: Mapping[str, tuple[int, int, int]]

    @classmethod
    def of(cls, counts: Mapping[CountKey, int], units: Iterable[UnitTime]) -> Tally:
        """Sum up a ledger's counts and the units' times."""
        operations: dict[tuple[str, str], int] = {}
        for key, count in counts.items():
            operation = (key.component, key.operation)
            operations[operation] = operations.get(operation, 0) + count
        times: dict[str, tuple[int, int, int]] = {}
        for unit in units:
            active, idle, gated = times.get(unit.component, (0, 0, 0))
            times[unit.component] = (active + unit.active_ps, idle + unit.idle_ps, gated + unit.gated_ps)
        return cls(operations, times)

    def energy_pj(self, chip: Chip) -> float:
        """Return dynamic energy plus leakage on a chip, in picojoules."""
        counts = {CountKey(*operation, phase="", layer=""): count for operation, count in self.counts.items()}
        units = [UnitTime(component, component, *times) for component, times in self.times_ps.items()]
        dynamic, leakage = energy_pj(counts, units, chip)
        return dynamic + leakage
