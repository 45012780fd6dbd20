"""The timeline: what every unit did at every moment, and why it waited when it did nothing."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["DRAINED", "NO_WORK", "TIMELINE_COLUMNS", "Timeline", "Unit"]

#: Cause of the time after a unit's last job.
DRAINED = "drained"
#: Cause of all the time of a unit that was never used.
NO_WORK = "no work"

#: Columns of a timeline's table.
TIMELINE_COLUMNS = ("unit", "stage", "layer", "action", "micro_batch", "start_ps", "end_ps", "cause")

_BUSY_FIELDS = 6
_IDLE_FIELDS = 4


class Unit(NamedTuple):
    """A unit of the chip.

    Attributes
    ----------
    name : str
        Its own name.
    component : str
        What it is: ``stage``, ``tile``, ``nmpu``, ``buffer``, ``link``, ``host``, ...
    stage : int or None
        The stage it works for, if it is one stage's own.
    """

    name: str
    component: str
    stage: int | None


class Timeline:
    """Busy and idle slices of every unit.

    The slices of a unit are reported in order of time and without a gap: each starts where the one
    before ended (`until`), so that busy time and idle time by cause add up to the makespan. Names of
    units, causes and layers are exchanged for small integers once, outside the hot path. All state is
    lists, dicts and ``array('q')``, so a timeline can be copied, stored and continued.

    Parameters
    ----------
    store : bool
        Whether slices are stored; the totals are kept in any case.
    """

    def __init__(self, *, store: bool = True) -> None:
        self.store = store
        self.units: list[Unit] = []
        self._unit_ids: dict[str, int] = {}
        self._until: list[int] = []
        self._busy_ps: list[dict[str, int]] = []
        self._idle_ps: list[dict[int, int]] = []
        self._layers: dict[str, int] = {}
        self._causes: dict[str, int] = {}
        self._actions: dict[str, int] = {}
        self._busy = array("q")
        self._idle = array("q")

    def unit(self, name: str, component: str, stage: int | None = None) -> int:
        """Return the number of a unit, which is entered on first sight.

        Raises
        ------
        ValueError
            If another unit already has this name.
        """
        unit = Unit(name, component, stage)
        number = self._unit_ids.setdefault(name, len(self.units))
        if number == len(self.units):
            self.units.append(unit)
            self._until.append(0)
            self._busy_ps.append({})
            self._idle_ps.append({})
        elif self.units[number] != unit:
            raise ValueError(f"two units are called {name!r}: {self.units[number]} and {unit}")
        return number

    def cause(self, text: str) -> int:
        """Return the number of a cause of waiting."""
        return self._causes.setdefault(text, len(self._causes))

    def layer(self, text: str) -> int:
        """Return the number of a layer; the empty text stands for none."""
        return self._layers.setdefault(text, len(self._layers))

    def until(self, unit: int) -> int:
        """Return the time up to which a unit's slices are known, in picoseconds."""
        return self._until[unit]

    def busy(self, unit: int, layer: int, action: str, micro_batch: int, start_ps: int, end_ps: int) -> None:
        """Report that a unit works from `start_ps` to `end_ps`.

        Parameters
        ----------
        unit, layer : int
            Numbers from `unit` and `layer`.
        action : str
            ``F``, ``B``, ``U``, ...
        micro_batch : int
            Number of the micro-batch in the run; negative for none.
        start_ps, end_ps : int
            Half-open interval in picoseconds. A slice of no length is kept: something was done.

        Raises
        ------
        ValueError
            If the slice does not start where the unit's last one ended.
        """
        if start_ps != self._until[unit] or end_ps < start_ps:
            raise self._gap(unit, start_ps, end_ps)
        self._until[unit] = end_ps
        totals = self._busy_ps[unit]
        totals[action] = totals.get(action, 0) + end_ps - start_ps
        if self.store:
            number = self._actions.setdefault(action, len(self._actions))
            self._busy.extend((unit, layer, number, micro_batch, start_ps, end_ps))

    def idle(self, unit: int, start_ps: int, end_ps: int, cause: int) -> None:
        """Report that a unit waits from `start_ps` to `end_ps`, and why; an empty interval is left out.

        Raises
        ------
        ValueError
            If the slice does not start where the unit's last one ended.
        """
        if start_ps != self._until[unit] or end_ps < start_ps:
            raise self._gap(unit, start_ps, end_ps)
        if end_ps == start_ps:
            return
        self._until[unit] = end_ps
        totals = self._idle_ps[unit]
        totals[cause] = totals.get(cause, 0) + end_ps - start_ps
        if self.store:
            self._idle.extend((unit, start_ps, end_ps, cause))

    def close(self, end_ps: int) -> None:
        """Fill the time of every unit up to the end of the run: *drained*, or *no work* if it never had any."""
        for unit, until in enumerate(self._until):
            cause = self.cause(DRAINED if self._busy_ps[unit] else NO_WORK)
            self.idle(unit, until, end_ps, cause)

    def busy_ps(self, unit: int) -> int:
        """Return the time that a unit has worked, in picoseconds."""
        return sum(self._busy_ps[unit].values())

    def busy_by_action(self, unit: int) -> Mapping[str, int]:
        """Return the time that a unit has worked, by action, in picoseconds."""
        return dict(self._busy_ps[unit])

    def idle_by_cause(self, unit: int) -> Mapping[str, int]:
        """Return the time that a unit has waited, by cause, in picoseconds."""
        names = list(self._causes)
        return {names[cause]: time for cause, time in self._idle_ps[unit].items()}

    def idle_ps(self) -> dict[tuple[str, str], int]:
        """Return the idle time of every (unit, cause), in picoseconds."""
        return {
            (unit.name, cause): time
            for number, unit in enumerate(self.units)
            for cause, time in self.idle_by_cause(number).items()
        }

    def frame(self) -> pd.DataFrame:
        """Return the stored slices as a table with the columns of `TIMELINE_COLUMNS`.

        A busy slice has its action and an empty cause, an idle one its cause and an empty action.
        ``stage`` and ``micro_batch`` may be missing; times are whole picoseconds; rows are sorted by
        start, then by unit in the order in which the units were entered.
        """
        # Copies: a view would keep the arrays from growing.
        busy = np.array(self._busy, dtype=np.int64).reshape(-1, _BUSY_FIELDS)
        idle = np.array(self._idle, dtype=np.int64).reshape(-1, _IDLE_FIELDS)
        none = np.full(len(idle), -1, dtype=np.int64)
        units = np.concatenate((busy[:, 0], idle[:, 0]))
        start = np.concatenate((busy[:, 4], idle[:, 1]))
        end = np.concatenate((busy[:, 5], idle[:, 2]))
        order = np.lexsort((end, units, start))
        stage_of = np.array([-1 if unit.stage is None else unit.stage for unit in self.units], dtype=np.int64)
        unit_names = pd.Index([unit.name for unit in self.units], dtype="str")
        micro_batch = np.concatenate((busy[:, 3], none))[order]
        columns = {
            "unit": pd.Categorical.from_codes(units[order], unit_names),
            "stage": _nullable(stage_of[units[order]]),
            "layer": _categorical(np.concatenate((busy[:, 1], none))[order], self._layers),
            "action": _categorical(np.concatenate((busy[:, 2], none))[order], self._actions),
            "micro_batch": _nullable(micro_batch),
            "start_ps": start[order],
            "end_ps": end[order],
            "cause": _categorical(np.concatenate((np.full(len(busy), -1), idle[:, 3]))[order], self._causes),
        }
        return pd.DataFrame(columns, columns=list(TIMELINE_COLUMNS))

    def _gap(self, unit: int, start_ps: int, end_ps: int) -> ValueError:
        return ValueError(
            f"unit {self.units[unit].name!r}: the slice {start_ps}..{end_ps} ps does not follow on "
            f"{self._until[unit]} ps, where its last slice ended"
        )


def _categorical(codes: npt.NDArray[np.int64], names: Mapping[str, int]) -> pd.Categorical[str]:
    """Codes into `names` as a categorical whose first category, the empty text, stands for -1."""
    categories = ["", *(name for name in names if name)]
    translate = np.zeros(len(names) + 1, dtype=np.int64)
    for name, code in names.items():
        translate[code] = categories.index(name)
    return pd.Categorical.from_codes(translate[codes], pd.Index(categories, dtype="str"))


def _nullable(values: npt.NDArray[np.int64]) -> pd.arrays.IntegerArray:
    return pd.arrays.IntegerArray(np.where(values < 0, 0, values), values < 0)
