"""The events of a trace, each as a line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archsim.report.trace_content import Selection
from archsim.results import Run

__all__ = ["Tracks", "Written", "flows", "head", "microseconds", "names", "slices"]

_SORT_FIRST = ("stage", "stage_engine", "tile", "nmpu", "buffer", "link", "host")
_OTHER = "other"


@dataclass(slots=True)
class Written:
    """What has been written.

    Attributes
    ----------
    slices : int
        Number of slices.
    ways : dict of int to list of (start in ps, unit, action)
        F and B of each micro-batch at the stages.
    """

    slices: int = 0
    ways: dict[int, list[tuple[int, str, str]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tracks:
    """Process and thread of each unit that is shown, and the names of the processes."""

    processes: Mapping[int, str]
    threads: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, run: Run, units: frozenset[str]) -> Tracks:
        """Return a thread for each unit, in processes by component; stages come first."""
        components = dict.fromkeys(run.observations.stages, "stage")
        components |= {unit.unit: unit.component for unit in run.observations.units}
        components |= dict.fromkeys(sorted(units - components.keys()), _OTHER)
        processes = {component: i + 1 for i, component in enumerate((*_SORT_FIRST, _OTHER))}
        threads: dict[str, tuple[int, int]] = {}
        for name, component in components.items():
            if name in units:
                process = processes.setdefault(component, len(processes) + 1)
                threads[name] = (process, len(threads) + 1)
        used = {process for process, _ in threads.values()}
        labels = {process: name.replace("_", " ") + "s" for name, process in processes.items() if process in used}
        return cls(labels, threads)


def head(selection: Selection) -> str:
    """Return the beginning of a trace, up to its list of events."""
    return f'{{"displayTimeUnit":"ns","otherData":{json.dumps(_about(selection))},"traceEvents":['


def _about(selection: Selection) -> dict[str, object]:
    run, window = selection.run, selection.window_ps
    about: dict[str, object] = {
        "experiment": str(run.settings["name"]),
        "archsim": run.provenance.archsim,
        "makespan_ps": run.observations.makespan_ps,
        "detail": "unit" if selection.only is None else "stage",
        "slices": selection.slices,
        "slices_left_out": selection.total - selection.slices,
        "idle": "left out: the gaps between slices; timeline.parquet has their causes",
    }
    reasons = []
    if selection.only is not None:
        reasons.append("only the stages are here, not their units")
    if window is not None:
        about["window_ps"] = list(window)
        reasons.append(f"only what touches {window[0]} to {window[1]} ps is here")
    if selection.last_ps is not None:
        about["cut_at_ps"] = selection.last_ps
        reasons.append(f"only the {selection.slices} slices that start first are here")
    if selection.slices < selection.total:
        about["cut"] = "; ".join([*reasons, f"timeline.parquet has all {selection.total} slices"])
    return about


def names(tracks: Tracks) -> Iterator[str]:
    """Yield the names and the order of processes and threads."""
    for process, label in tracks.processes.items():
        yield _meta("process_name", process, 0, "name", label)
        yield _meta("process_sort_index", process, 0, "sort_index", process)
    for name, (process, thread) in tracks.threads.items():
        yield _meta("thread_name", process, thread, "name", name)
        yield _meta("thread_sort_index", process, thread, "sort_index", thread)


def _meta(kind: str, process: int, thread: int, key: str, value: str | int) -> str:
    return json.dumps({"ph": "M", "name": kind, "pid": process, "tid": thread, "args": {key: value}})


def slices(selection: Selection, tracks: Tracks, written: Written) -> Iterator[str]:
    """Yield the slices, and note in `written` what went out."""
    stages = frozenset(selection.run.observations.stages)
    for part in selection.rows(("unit", "layer", "action", "micro_batch", "start_ps", "end_ps")):
        micro_batches = part["micro_batch"].fillna(-1).astype("int64").tolist()
        columns = [part[name].tolist() for name in ("unit", "layer", "action", "start_ps", "end_ps")]
        layers = {layer: json.dumps(layer) for layer in part["layer"].unique()}
        for unit, layer, action, start, end, micro_batch in zip(*columns, micro_batches, strict=True):
            process, thread = tracks.threads[unit]
            number = str(micro_batch) if micro_batch >= 0 else ""
            arguments: tuple[str, ...] = (f'"layer":{layers[layer]}',) if layer else ()
            arguments += (f'"micro_batch":{number}',) if number else ()
            written.slices += 1
            if number and unit in stages and action in ("F", "B"):
                written.ways.setdefault(micro_batch, []).append((start, unit, action))
            # Written by hand: fast, and a float would round the picoseconds of a long run.
            yield (
                f'{{"ph":"X","name":"{action}{number}","cat":"{action}","pid":{process},"tid":{thread},'
                f'"ts":{microseconds(start)},"dur":{microseconds(end - start)},"args":{{{",".join(arguments)}}}}}'
            )


def flows(written: Written, tracks: Tracks) -> Iterator[str]:
    """Yield the ways of the micro-batches whose slices were written, as far as they reach a B."""
    for micro_batch, way in written.ways.items():
        if len(way) < 2 or all(action == "F" for _, _, action in way):
            continue
        way.sort(key=lambda step: step[0])
        for i, (start, unit, _) in enumerate(way):
            phase = "s" if i == 0 else "f" if i == len(way) - 1 else "t"
            process, thread = tracks.threads[unit]
            yield (
                f'{{"ph":"{phase}","bp":"e","name":"micro-batch","cat":"micro-batch","id":{micro_batch},'
                f'"pid":{process},"tid":{thread},"ts":{microseconds(start)}}}'
            )


def microseconds(time_ps: int) -> str:
    """Return picoseconds as microseconds, to the last digit."""
    return f"{time_ps // 10**6}.{time_ps % 10**6:06d}"
