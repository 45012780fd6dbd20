"""The trace: every unit's work as Chrome trace events, for Perfetto and its like.

The format is Google's "Trace Event Format": complete events (``X``) with times in microseconds, flow
events (``s``, ``t``, ``f``) and metadata (``M``). Picoseconds stand behind the decimal point; a viewer
that counts in nanoseconds rounds them.
"""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from archsim.results import Run

__all__ = ["MOST_SLICES", "write_trace"]

#: Slices that a trace holds at most: what viewers load within seconds.
MOST_SLICES = 200_000

_SORT_FIRST = ("stage", "stage_engine", "tile", "nmpu", "buffer", "link", "host")
_OTHER = "other"
_BLOCK = 5000


@dataclass(frozen=True, slots=True)
class _Track:
    process: int
    thread: int


def write_trace(run: Run, path: Path, *, most_slices: int = MOST_SLICES) -> None:
    """Write the busy slices of a run as gzipped trace-event JSON.

    Units of a component are the threads of one process. The way of a micro-batch through the stages,
    from its first F to its last B, is a flow. Idle time is left out: it is what lies between. If the
    run has more slices than allowed, those of its beginning are written, and ``otherData`` says where
    the trace was cut and how many slices are missing.

    Parameters
    ----------
    run : Run
        The run; without stored slices the trace is empty but valid.
    path : Path
        File to write (``.json.gz``); equal runs give equal bytes.
    most_slices : int
        Cap on the number of slices.
    """
    busy = run.timeline[run.timeline["action"] != ""]
    shown = busy.iloc[:most_slices]
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as file:
        _write(file, run, shown, len(busy))


def _write(file: gzip.GzipFile, run: Run, shown: pd.DataFrame, total: int) -> None:
    tracks = _tracks(run)
    file.write(b'{"displayTimeUnit":"ns","otherData":')
    file.write(json.dumps(_about(run, shown, total)).encode())
    file.write(b',"traceEvents":[')
    events = itertools.chain(_names(run, tracks), _slices(shown, tracks), _flows(run, shown, tracks))
    separator = "\n"
    while block := list(itertools.islice(events, _BLOCK)):
        # Compressing event by event would take most of the time.
        file.write((separator + ",\n".join(block)).encode())
        separator = ",\n"
    file.write(b"\n]}\n")


def _about(run: Run, shown: pd.DataFrame, total: int) -> dict[str, object]:
    about: dict[str, object] = {
        "experiment": str(run.settings["name"]),
        "archsim": run.provenance.archsim,
        "makespan_ps": run.observations.makespan_ps,
        "slices": len(shown),
        "slices_left_out": total - len(shown),
        "idle": "left out: the gaps between slices; timeline.parquet has their causes",
    }
    if total > len(shown):
        about["cut"] = f"only the first {len(shown)} of {total} slices are here; timeline.parquet has all"
        about["cut_at_ps"] = int(shown["start_ps"].max()) if len(shown) else 0
    return about


def _tracks(run: Run) -> dict[str, _Track]:
    components = {unit.unit: unit.component for unit in run.observations.units}
    components |= dict.fromkeys(run.observations.stages, "stage")
    names = [*run.observations.stages, *(unit.unit for unit in run.observations.units)]
    names += [str(name) for name in run.timeline["unit"].cat.categories]
    processes = {component: i + 1 for i, component in enumerate((*_SORT_FIRST, _OTHER))}
    tracks: dict[str, _Track] = {}
    for name in dict.fromkeys(names):
        component = components.get(name, _OTHER)
        process = processes.setdefault(component, len(processes) + 1)
        tracks[name] = _Track(process, len(tracks) + 1)
    return tracks


def _names(run: Run, tracks: dict[str, _Track]) -> Iterator[str]:
    components = {unit.unit: unit.component for unit in run.observations.units}
    components |= dict.fromkeys(run.observations.stages, "stage")
    seen: set[int] = set()
    for name, track in tracks.items():
        if track.process not in seen:
            seen.add(track.process)
            label = components.get(name, _OTHER).replace("_", " ") + "s"
            yield _meta("process_name", track.process, 0, "name", label)
            yield _meta("process_sort_index", track.process, 0, "sort_index", track.process)
        yield _meta("thread_name", track.process, track.thread, "name", name)
        yield _meta("thread_sort_index", track.process, track.thread, "sort_index", track.thread)


def _meta(kind: str, process: int, thread: int, key: str, value: str | int) -> str:
    return json.dumps({"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {key: value}})


def _slices(shown: pd.DataFrame, tracks: dict[str, _Track]) -> Iterator[str]:
    columns = [shown[name].tolist() for name in ("unit", "layer", "action", "start_ps", "end_ps")]
    micro_batches = shown["micro_batch"].fillna(-1).astype("int64").tolist()
    layers = {layer: json.dumps(layer) for layer in shown["layer"].cat.categories}
    for unit, layer, action, start, end, micro_batch in zip(*columns, micro_batches, strict=True):
        track = tracks[unit]
        number = str(micro_batch) if micro_batch >= 0 else ""
        arguments: tuple[str, ...] = (f'"layer":{layers[layer]}',) if layer else ()
        arguments += (f'"micro_batch":{number}',) if number else ()
        # Written by hand: fast, and a float would round the picoseconds of a long run.
        yield (
            f'{{"ph":"X","name":"{action}{number}","cat":"{action}","pid":{track.process},"tid":{track.thread},'
            f'"ts":{_microseconds(start)},"dur":{_microseconds(end - start)},"args":{{{",".join(arguments)}}}}}'
        )


def _flows(run: Run, shown: pd.DataFrame, tracks: dict[str, _Track]) -> Iterator[str]:
    stages = set(run.observations.stages)
    steps = shown[shown["unit"].isin(stages) & shown["action"].isin(["F", "B"]) & shown["micro_batch"].notna()]
    ways: dict[int, list[tuple[str, str, int]]] = {}
    columns = [steps[name].tolist() for name in ("unit", "action", "start_ps")]
    for micro_batch, *step in zip(steps["micro_batch"].astype("int64").tolist(), *columns, strict=True):
        ways.setdefault(micro_batch, []).append((step[0], step[1], step[2]))
    for micro_batch, way in ways.items():
        if all(action == "F" for _, action, _ in way):
            continue
        for i, (unit, _, start) in enumerate(way):
            phase = "s" if i == 0 else "f" if i == len(way) - 1 else "t"
            track = tracks[unit]
            yield (
                f'{{"ph":"{phase}","bp":"e","name":"micro-batch","cat":"micro-batch","id":{micro_batch},'
                f'"pid":{track.process},"tid":{track.thread},"ts":{_microseconds(start)}}}'
            )


def _microseconds(time_ps: int) -> str:
    return f"{time_ps // 10**6}.{time_ps % 10**6:06d}"
