"""Power over time: the energy of a finished run laid over the time in which its units worked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from archsim.results import Run

__all__ = ["PowerCurve", "power_curve"]

Floats = npt.NDArray[np.float64]
#: Component, phase, layer.
_Key = tuple[str, str, str]

#: The unit in which an operation is done, where it is called otherwise.
_UNIT_OF = dict.fromkeys(("array", "dac", "integrator", "adc", "pulse_driver"), "tile")

_STATES = ("active", "idle", "gated")


@dataclass(frozen=True, slots=True)
class PowerCurve:
    """Mean power in each of several intervals of simulated time.

    Attributes
    ----------
    edges_ps : int64 array, shape (N + 1,)
        Where the intervals begin and end.
    watts : mapping of str to float64 array, shape (N,)
        Power by component.
    """

    edges_ps: npt.NDArray[np.int64]
    watts: Mapping[str, Floats]


def power_curve(run: Run, window_ps: tuple[int, int], intervals: int) -> PowerCurve:
    """Return the power of a run's components over a window of its time.

    The dynamic energy of a component in a phase of a layer is spread evenly over the time in which its units worked for
    it, leakage over the times in each power state. So power summed over the whole run is its energy. Energy of units
    that took no time is spread over the makespan.

    Parameters
    ----------
    run : Run
        A run with a clock whose slices are stored.
    window_ps : (int, int)
        The window, half-open.
    intervals : int
        How many intervals it is divided into, at most; each is a whole number of picoseconds long.
    """
    edges = np.unique(np.linspace(*window_ps, intervals + 1).astype(np.int64))
    worked, busy = _work(run, edges)
    extra, base = _rates(run, busy)
    energy = {component: watts * (edges - edges[0]).astype(np.float64) for component, watts in base.items()}
    for (component, action, layer), time in worked.items():
        rate = extra.get((component, action, layer), 0.0) + extra.get((component, "", ""), 0.0)
        if rate:
            energy[component] = energy.get(component, np.zeros(len(edges))) + rate * time
    return PowerCurve(edges, {name: np.diff(total) / np.diff(edges) for name, total in energy.items()})


def _work(run: Run, edges: npt.NDArray[np.int64]) -> tuple[dict[_Key, Floats], dict[_Key, int]]:
    """Return how long the units of each component worked for each (phase, layer).

    Of the window, until each of its edges; and in the whole run. Slices are read once, since there may be very many.
    """
    components = {unit.unit: unit.component for unit in run.observations.units}
    worked: dict[_Key, Floats] = {}
    busy: dict[_Key, int] = {}
    for part in run.slices.select(["unit", "action", "layer", "start_ps", "end_ps"], busy=True):
        starts, ends = part["start_ps"].to_numpy(), part["end_ps"].to_numpy()
        for key, rows in _groups(part, components):
            before = busy.get(key, 0)
            busy[key] = before + int((ends[rows] - starts[rows]).sum())
            inside = rows[(starts[rows] < edges[-1]) & (ends[rows] > edges[0])]
            worked[key] = worked.get(key, np.zeros(len(edges))) + _worked(starts[inside], ends[inside], edges)
    return worked, busy


def _groups(part: pd.DataFrame, components: Mapping[str, str]) -> Iterator[tuple[_Key, npt.NDArray[np.int64]]]:
    """Yield the rows of each component, action and layer."""
    if part.empty:
        return
    units = part["unit"].cat
    names, numbers = np.unique(
        [components.get(str(unit), "") for unit in units.categories] or [""], return_inverse=True
    )
    actions, layers = part["action"].cat, part["layer"].cat
    codes = (numbers[units.codes], actions.codes.to_numpy(), layers.codes.to_numpy())
    sizes = (len(names), len(actions.categories), len(layers.categories))
    keys = np.ravel_multi_index(codes, sizes)
    order = np.argsort(keys, kind="stable")
    found, first = np.unique(keys[order], return_index=True)
    for key, rows in zip(found.tolist(), np.split(order, first[1:]), strict=True):
        component, action, layer = np.unravel_index(key, sizes)
        yield (str(names[component]), str(actions.categories[action]), str(layers.categories[layer])), rows


def _worked(starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], edges: npt.NDArray[np.int64]) -> Floats:
    """Return for each edge how long units had worked since the first one, in picoseconds."""
    total: Floats = _after(starts, edges) - _after(ends, edges)
    worked: Floats = total - total[0]
    return worked


def _after(times: npt.NDArray[np.int64], edges: npt.NDArray[np.int64]) -> Floats:
    """Return for each edge the sum of the times that have passed since those of `times` that lie before it."""
    times = np.sort(times)
    sums = np.concatenate(([0.0], np.cumsum((times - edges[0]).astype(np.float64))))
    before = np.searchsorted(times, edges)
    passed: Floats = before * (edges - edges[0]).astype(np.float64) - sums[before]
    return passed


def _rates(run: Run, busy: Mapping[_Key, int]) -> tuple[dict[_Key, float], dict[str, float]]:
    """Return the power of working units by (component, phase, layer), and each component's power at all times.

    The key (component, "", "") has what leakage adds while a unit works.
    """
    makespan = run.observations.makespan_ps
    cost = run.cost.assign(unit=run.cost["component"].replace(_UNIT_OF))
    extra: dict[_Key, float] = {}
    base: dict[str, float] = {}
    for (unit, phase, layer), energy in _sums(cost[cost["dynamic_pj"] > 0], ["unit", "phase", "layer"], "dynamic_pj"):
        worked = busy.get((unit, phase, layer), 0)
        if worked:
            extra[unit, phase, layer] = energy / worked
        else:
            base[unit] = base.get(unit, 0.0) + energy / makespan
    for component, rows in cost[cost["phase"].isin(_STATES)].groupby("unit", observed=True):
        unit = str(component)
        active, idle, gated = (_leakage(rows, state) for state in _STATES)
        extra[unit, "", ""] = active[0] - idle[0]
        always = idle[0] * (active[1] + idle[1]) + gated[0] * gated[1]
        base[unit] = base.get(unit, 0.0) + always / makespan
    return extra, base


def _leakage(rows: pd.DataFrame, state: str) -> tuple[float, int]:
    """Return the power of a unit in a state, and the time that all units spent in it."""
    found = rows[rows["phase"] == state]
    time = int(found["count"].sum())
    return (float(found["leakage_pj"].sum()) / time if time else 0.0), time


def _sums(table: pd.DataFrame, keys: list[str], value: str) -> Iterator[tuple[_Key, float]]:
    """Yield the sum of a column for each combination of three keys."""
    sums = table.groupby(keys, observed=True)[value].sum().reset_index()
    yield from zip(zip(*(sums[key].astype(str) for key in keys), strict=True), sums[value].tolist(), strict=True)
