"""Counter tracks of a trace: power by component, and the claimed space of each buffer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from archsim.report.power import power_curve
from archsim.report.trace_events import microseconds
from archsim.results import Run

__all__ = ["counters"]

#: Bytes of a trace for each interval of its power tracks: 16 MiB have a thousand of them.
_BYTES_PER_INTERVAL = 2**14
#: Steps of all buffers together for each interval of a power track, at most.
_STEPS_PER_INTERVAL = 20

#: The process under which counters stand, above all units.
_PROCESS = 0


def counters(run: Run, window_ps: tuple[int, int] | None, most_bytes: int) -> Iterator[str]:
    """Yield the counter events of a run for the time that a trace shows.

    Parameters
    ----------
    run : Run
        The run; without a clock, or without stored slices, there are no counters.
    window_ps : (int, int) or None
        The time that the trace shows; None for all of it.
    most_bytes : int
        Size that the file of the trace may have: counters are as fine as a small part of it allows.
    """
    makespan = run.observations.makespan_ps
    intervals = most_bytes // _BYTES_PER_INTERVAL
    if not makespan or not run.slices.count or not intervals:
        return
    start, end = window_ps or (0, makespan)
    end = min(end, makespan)
    if start >= end:
        return
    yield json.dumps({"ph": "M", "name": "process_name", "pid": _PROCESS, "tid": 0, "args": {"name": "power, buffers"}})
    yield json.dumps({"ph": "M", "name": "process_sort_index", "pid": _PROCESS, "tid": 0, "args": {"sort_index": 0}})
    yield from _power(run, (start, end), intervals)
    yield from _space(run, (start, end), _STEPS_PER_INTERVAL * intervals)


def _power(run: Run, window_ps: tuple[int, int], intervals: int) -> Iterator[str]:
    curve = power_curve(run, window_ps, intervals)
    times = curve.edges_ps.tolist()
    tracks = {f"power of {component}s (mW)": watts for component, watts in curve.watts.items()}
    if tracks:
        tracks = {"power (mW)": np.sum(list(tracks.values()), axis=0)} | tracks
    for name, watts in tracks.items():
        for time, value in zip(times, [*(1e3 * watts).tolist(), 0.0], strict=True):
            yield _event(name, time, f"{value:.6g}")


def _space(run: Run, window_ps: tuple[int, int], most_steps: int) -> Iterator[str]:
    """Yield the staircase of each buffer; where it has too many steps, some are joined, as high as the highest."""
    start, end = window_ps
    most = max(1, most_steps // max(1, run.buffers["buffer"].nunique()))
    for buffer, curve in run.buffers.groupby("buffer", sort=False):
        times, sizes = curve["time_ps"].to_numpy(), curve["claimed_bytes"].to_numpy()
        first, last = int(np.searchsorted(times, start, side="right")), int(np.searchsorted(times, end, side="right"))
        name = f"{buffer} claimed (B)"
        yield _event(name, start, str(sizes[first - 1] if first else 0))
        joined = max(1, -(-(last - first) // most))
        for step in range(first, last, joined):
            yield _event(name, int(times[step]), str(sizes[step : min(step + joined, last)].max()))


def _event(name: str, time_ps: int, value: str) -> str:
    return (
        f'{{"ph":"C","name":{json.dumps(name)},"pid":{_PROCESS},"tid":0,"ts":{microseconds(time_ps)},'
        f'"args":{{"value":{value}}}}}'
    )
