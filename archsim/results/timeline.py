"""The timeline: what every unit did at every moment, and why it waited when it did nothing."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from archsim.results.blocks import BLOCK, FIELDS, Names, check_part, read_part, write_part
from archsim.results.slices import Slices, SlicesInMemory, SlicesOnDisk, write_slices

__all__ = ["DRAINED", "NO_WORK", "Timeline", "Unit"]

#: Cause of the time after a unit's last job.
DRAINED = "drained"
#: Cause of all the time of a unit that was never used.
NO_WORK = "no work"

_VALUES = BLOCK * len(FIELDS)
#: Values of the slices that are taken together into the totals and blocks; one by one would take most of a run.
_NEWS = 4096 * len(FIELDS)
_PART = "part-{:06d}.parquet"
_WHOLE = "timeline.parquet"


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
    units, causes and layers are exchanged for small integers once, outside the hot path; slices are taken
    into the totals many at a time. All state is lists, dicts and ``array('q')``, so a timeline can be copied,
    stored and continued.

    Slices are stored in blocks of `archsim.results.blocks.BLOCK`. With a folder for them, a full block is
    written there as a part and leaves the memory. A timeline that is restored from a copy knows how many
    parts were written until then; it overwrites later ones.

    Parameters
    ----------
    store : bool
        Whether slices are stored; the totals are kept in any case.
    spill : Path, optional
        Folder for the parts, made when it is needed; without it all slices stay in memory.

    Attributes
    ----------
    spill : Path or None
        The same. Copies do not keep it: name it again in a restored timeline before it goes on.
    """

    __slots__ = (
        "_actions",
        "_busy_ps",
        "_causes",
        "_idle_ps",
        "_layers",
        "_news",
        "_parts",
        "_slices",
        "_unit_ids",
        "_until",
        "spill",
        "store",
        "units",
    )

    def __init__(self, *, store: bool = True, spill: Path | None = None) -> None:
        self.store = store
        self.spill = spill
        self.units: list[Unit] = []
        self._unit_ids: dict[str, int] = {}
        self._until: list[int] = []
        self._busy_ps: list[dict[str, int]] = []
        self._idle_ps: list[dict[int, int]] = []
        self._layers: dict[str, int] = {}
        self._causes: dict[str, int] = {}
        self._actions: dict[str, int] = {}
        self._news: list[int] = []
        self._slices = array("q")
        self._parts: list[str] = []

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

    def busy(
        self,
        unit: int,
        layer: int,
        action: str,
        micro_batch: int,
        start_ps: int,
        end_ps: int,
        cause: int | None = None,
    ) -> None:
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
        cause : int, optional
            What the unit waited for since its last slice ended; without it this one starts there.

        Raises
        ------
        ValueError
            If the slice does not start where the unit's last one ended, or later for a cause.
        """
        news, until = self._news, self._until[unit]
        if start_ps > until and cause is not None:
            news += (unit, -1 - cause, -1, -1, until, start_ps)
        elif start_ps != until:
            raise self._gap(unit, start_ps, end_ps)
        if end_ps < start_ps:
            raise self._gap(unit, start_ps, end_ps)
        self._until[unit] = end_ps
        number = self._actions.get(action)
        if number is None:
            number = self._actions[action] = len(self._actions)
        news += (unit, number, layer, micro_batch, start_ps, end_ps)
        if len(news) >= _NEWS:
            self._take_in()

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
        news = self._news
        news += (unit, -1 - cause, -1, -1, start_ps, end_ps)
        if len(news) >= _NEWS:
            self._take_in()

    def close(self, end_ps: int) -> None:
        """Fill the time of every unit up to the end of the run: *drained*, or *no work* if it never had any."""
        self._take_in()
        for unit, until in enumerate(self._until):
            cause = self.cause(DRAINED if self._busy_ps[unit] else NO_WORK)
            self.idle(unit, until, end_ps, cause)

    def busy_ps(self, unit: int) -> int:
        """Return the time that a unit has worked, in picoseconds."""
        self._take_in()
        return sum(self._busy_ps[unit].values())

    def idle_by_cause(self, unit: int) -> Mapping[str, int]:
        """Return the time that a unit has waited, by cause, in picoseconds."""
        self._take_in()
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
        ``stage`` and ``micro_batch`` may be missing; times are whole picoseconds. Each block of rows, in
        the order in which they were reported, is sorted by start, then by unit in the order in which the
        units were entered; so the rows of one unit are in the order of time throughout.
        """
        return SlicesInMemory(list(self._tables())).frame()

    def finish(self) -> Slices:
        """Return what was stored: in memory, or where parts were written, in one file beside them.

        The file stands in `spill` and is needed as long as the slices are.
        """
        self._take_in()
        if not self._parts or self.spill is None:
            return SlicesInMemory(list(self._tables()))
        path = self.spill / _WHOLE
        write_slices(path, self._tables())
        return SlicesOnDisk(path)

    def go_on_in(self, folder: Path) -> None:
        """Name the folder of parts, and see that it has those that were written until now.

        Raises
        ------
        InputError
            If one of them is missing or is not what was written.
        """
        self.spill = folder
        for number, digest in enumerate(self._parts):
            check_part(folder / _PART.format(number), digest)

    def restored(self) -> None:
        """Forget the folder of parts, which whoever restores the timeline must name again."""
        self.spill = None

    def _take_in(self) -> None:
        """Add the newest slices to the totals, and to what is stored."""
        if not self._news:
            return
        rows = np.fromiter(self._news, np.int64, len(self._news)).reshape(-1, len(FIELDS))
        self._news.clear()
        units, numbers = rows[:, 0], rows[:, 1]
        least = numbers.min()
        kinds = units * (numbers.max() - least + 1) + numbers - least
        times = np.zeros(kinds.max() + 1, np.int64)
        np.add.at(times, kinds, rows[:, 5] - rows[:, 4])
        first = np.full(len(times), len(rows))
        first[kinds[::-1]] = np.arange(len(rows))[::-1]
        actions = list(self._actions)
        # Totals are entered in the order in which they were first seen.
        for row in np.sort(first[first < len(rows)]).tolist():
            unit, number = rows[row, :2].tolist()
            time = int(times[kinds[row]])
            if number >= 0:
                busy = self._busy_ps[unit]
                busy[actions[number]] = busy.get(actions[number], 0) + time
            else:
                idle = self._idle_ps[unit]
                idle[-1 - number] = idle.get(-1 - number, 0) + time
        if self.store:
            self._slices.frombytes(rows.tobytes())
            if len(self._slices) >= _VALUES:
                self._write_parts()

    def _write_parts(self) -> None:
        if self.spill is not None:
            while len(self._slices) >= _VALUES:
                path = self.spill / _PART.format(len(self._parts))
                self._parts.append(write_part(path, _block(self._slices[:_VALUES])))
                del self._slices[:_VALUES]

    def _tables(self) -> Iterator[pa.Table]:
        self._take_in()
        if self._parts and self.spill is None:
            raise ValueError(f"{len(self._parts)} parts of this timeline are in a folder that was not named again")
        names = Names(
            [unit.name for unit in self.units],
            [-1 if unit.stage is None else unit.stage for unit in self.units],
            self._actions,
            self._layers,
            self._causes,
        )
        if self.spill is not None:
            for number, digest in enumerate(self._parts):
                yield names.table(read_part(self.spill / _PART.format(number), digest))
        for first in range(0, len(self._slices), _VALUES):
            yield names.table(_block(self._slices[first : first + _VALUES]))

    def _gap(self, unit: int, start_ps: int, end_ps: int) -> ValueError:
        return ValueError(
            f"unit {self.units[unit].name!r}: the slice {start_ps}..{end_ps} ps does not follow on "
            f"{self._until[unit]} ps, where its last slice ended"
        )


def _block(values: array[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64).reshape(-1, len(FIELDS))
