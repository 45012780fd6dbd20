"""The trace: every unit's work as Chrome trace events, for Perfetto and its like, never too large to open.

The format is Google's "Trace Event Format": complete events (``X``) with times in microseconds, flow
events (``s``, ``t``, ``f``) and metadata (``M``). Picoseconds stand behind the decimal point; a viewer
that counts in nanoseconds rounds them.
"""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from archsim.errors import InputError
from archsim.report.scales import write_value
from archsim.report.trace_content import Selection
from archsim.report.trace_counters import counters
from archsim.report.trace_events import Tracks, Written, flows, head, names, slices
from archsim.results import Run

__all__ = ["MOST_BYTES", "MOST_SLICES", "Detail", "write_trace"]

#: Slices that a trace holds at most: what viewers load within seconds.
MOST_SLICES = 200_000
#: Size that the file of a trace has at most.
MOST_BYTES = 16 * 2**20

#: How much a trace shows: the stages only, or every unit.
Detail = Literal["stage", "unit"]

_BLOCK = 1000


def write_trace(
    run: Run,
    path: Path,
    *,
    window_ps: tuple[int, int] | None = None,
    most_slices: int = MOST_SLICES,
    most_bytes: int = MOST_BYTES,
    detail: Detail | None = None,
) -> None:
    """Write the busy slices of a run as gzipped trace-event JSON.

    Units of a component are the threads of one process. The way of a micro-batch through the stages,
    from its first F to its last B, is a flow. Idle time is left out: it is what lies between. Counters show the power
    of each component (see `archsim.report.power`) and the claimed space of each buffer.

    What does not fit is left out in this order: first the units, so that only the stages are shown, then
    the slices that start last. ``otherData`` says what is missing.

    Parameters
    ----------
    run : Run
        The run; without stored slices the trace is empty but valid.
    path : Path
        File to write (``.json.gz``), replaced when the new one is complete; equal runs give equal bytes.
    window_ps : (int, int), optional
        Only slices that touch this half-open interval of simulated time, in picoseconds.
    most_slices : int
        Cap on the number of slices.
    most_bytes : int
        Cap on the size of the file.
    detail : {"stage", "unit"}, optional
        Show only stages, or all units even if slices at the end must be left out for it. Without it, all
        units if they fit, else the stages.

    Raises
    ------
    InputError
        If the window is empty, or the caps are too small for anything.
    """
    if window_ps is not None and not 0 <= window_ps[0] < window_ps[1]:
        raise InputError(
            "the window of a trace ends before it starts",
            value=":".join(write_value(time, "ps") for time in window_ps),
            allowed="0 <= start < end",
        )
    total = sum(map(len, run.slices.select(["start_ps"], busy=True)))
    above = tuple(counters(run, window_ps, most_bytes))
    partial = path.with_name(f".{path.name}.partial")
    try:
        for selection in _selections(run, total, window_ps, detail):
            most = most_slices
            if selection.slices <= most:
                written = _write(partial, selection, above, most_bytes)
                if written is None:
                    break
                most = _fewer(written)
        else:
            _cut(partial, selection, above, most, most_bytes)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _selections(run: Run, total: int, window_ps: tuple[int, int] | None, detail: Detail | None) -> Iterator[Selection]:
    """What may be shown, the most first."""
    if detail != "stage":
        yield Selection.survey(run, total, window_ps, None)
    if detail != "unit":
        yield Selection.survey(run, total, window_ps, frozenset(run.observations.stages))


def _cut(path: Path, selection: Selection, above: tuple[str, ...], most_slices: int, most_bytes: int) -> None:
    """Write as much of the beginning as the caps allow."""
    while (written := _write(path, selection.first(most_slices), above, most_bytes)) is not None:
        if most_slices == 0:
            raise InputError(
                "a trace of so few bytes cannot even say what it is", value=most_bytes, remedy="allow more bytes"
            )
        most_slices = min(_fewer(written), _fewer(most_slices))


def _fewer(slices: int) -> int:
    return slices * 4 // 5


def _write(path: Path, selection: Selection, above: tuple[str, ...], most_bytes: int) -> int | None:
    """Write a trace, counters above the slices; if it grows too large, stop and return how many slices it has then."""
    tracks = Tracks.of(selection.run, selection.units)
    written = Written()
    events = itertools.chain(names(tracks), above, slices(selection, tracks, written), flows(written, tracks))
    with path.open("wb") as raw:
        with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as file:
            file.write(head(selection).encode())
            separator = "\n"
            # Compressing event by event would take most of the time.
            while raw.tell() <= most_bytes and (block := list(itertools.islice(events, _BLOCK))):
                file.write((separator + ",\n".join(block)).encode())
                separator = ",\n"
            file.write(b"\n]}\n")
        return None if raw.tell() <= most_bytes else written.slices
