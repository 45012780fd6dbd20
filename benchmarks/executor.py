"""How fast the executor does actions, and what memory a long run takes: time alone, every unit traced.

``python -m benchmarks.executor [--quick] [--only ROW] [--json FILE]``. Runs are in mode timing, on one thread, with the
timeline on. Times are those of the processor, which other work on the machine changes least; beside them stands the
time of a bare SimPy timeout, measured in the same process. Memory is what Python allocates at most (tracemalloc) in a
run whose slices go to a folder, after a short one that has loaded all there is to load.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import simpy

import archsim
from archsim.engine.observer import Progress

Document = dict[str, Any]
Row = dict[str, Any]

TIMEOUTS = 200_000
#: Micro-batches of the run whose memory is compared with that of one ten times as long.
SHORT = 1000


@dataclass
class Clock:
    """When mini-batches were done, in seconds of processor time."""

    times: list[float] = field(default_factory=list)

    def __call__(self, progress: Progress) -> None:
        """Note a mini-batch."""
        self.times.append(time.process_time())


def pipeline(layers: int, stages: int, micro_batches: int, *, kind: str, chip: str = "reram-1024") -> Document:
    """Return an experiment of linear layers of 64 x 64, with one sample in a micro-batch and in a mini-batch."""
    return {
        "network": {
            "input_shape": [64],
            "layers": [{"name": f"fc{i}", "kind": "linear", "features": 64} for i in range(layers)],
        },
        "chip": chip,
        "data": {"samples": micro_batches},
        "training": {"learning_rate": 0.1, "mini_batch": 1},
        "schedule": {"kind": kind, "stages": stages},
        "run": {"mode": "timing"},
    }


def timeout_seconds() -> float:
    """Return the processor time of a SimPy timeout for which one process waits."""

    def waits(environment: simpy.Environment) -> Generator[simpy.Event, None, None]:
        for _ in range(TIMEOUTS):
            yield environment.timeout(1)

    environment = simpy.Environment()
    environment.process(waits(environment))
    begin = time.process_time()
    environment.run()
    return (time.process_time() - begin) / TIMEOUTS


def actions(micro_batches: int, repeats: int, kind: str = "asynchronous") -> Row:
    """Measure the actions of a stage of three layers, from the end of the first mini-batch to that of the last."""
    document, found = pipeline(3, 1, micro_batches, kind=kind), []
    for _ in range(repeats):
        clock = Clock()
        run = archsim.simulate(document, progress=clock)
        found.append(((clock.times[-1] - clock.times[0]) / (3 * (len(clock.times) - 1)), len(run.timeline)))
    seconds, slices = min(found)
    return {
        "row": f"a stage of three layers, {kind}",
        "actions_per_minute": 60 / seconds,
        "microseconds": seconds * 1e6,
        "slices_per_action": slices / (3 * micro_batches),
        "timeouts": seconds / timeout_seconds(),
    }


def long_pipeline(chip: str, repeats: int, micro_batches: int = 1000) -> Row:
    """Measure a whole run through 16 stages, its preparation and results included."""
    document, found = pipeline(16, 16, micro_batches, kind="asynchronous", chip=chip), []
    for _ in range(repeats):
        begin = time.process_time()
        archsim.simulate(document)
        found.append(time.process_time() - begin)
    return {
        "row": f"{micro_batches} micro-batches through 16 stages, {chip}",
        "seconds": min(found),
        "timeouts": min(found) / (3 * 16 * micro_batches) / timeout_seconds(),
    }


def peak_bytes(document: Document) -> int:
    """Return what a run allocates at most, its slices being written to a folder."""
    with TemporaryDirectory() as folder:
        tracemalloc.start()
        archsim.simulate(document, workspace=Path(folder) / "run")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def memory(short: int, times: int = 10) -> Row:
    """Compare the memory of a run and of one so many times as long: a timeline is written block by block."""
    counts = [short, times * short]
    peak_bytes(pipeline(3, 3, 10, kind="asynchronous"))
    peaks = [peak_bytes(pipeline(3, 3, count, kind="asynchronous")) for count in counts]
    return {"row": "memory of three stages", "micro_batches": counts, "peak_bytes": peaks}


def rows(*, quick: bool) -> dict[str, Callable[[], Row]]:
    """Return what is measured, by name."""
    count, repeats, short = (500, 1, 100) if quick else (10_000, 3, SHORT)
    return {
        "actions": lambda: actions(count, repeats),
        "actions-synchronous": lambda: actions(count, repeats, "synchronous"),
        "pipeline-tiles": lambda: long_pipeline("reram-1024", repeats, min(count, 1000)),
        "pipeline-unit": lambda: long_pipeline("unit", repeats, min(count, 1000)),
        "memory": lambda: memory(short),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="short runs, once")
    parser.add_argument("--only", metavar="ROW", help=f"one of {', '.join(rows(quick=True))}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the rows are written, after each one")
    arguments = parser.parse_args()
    found: list[Row] = []
    for name, measure in rows(quick=arguments.quick).items():
        if arguments.only in (None, name):
            found.append(measure())
            shown = (f"{value:.4g}" if isinstance(value, float) else value for value in found[-1].values())
            print(*(f"{key}: {value}" for key, value in zip(found[-1], shown, strict=True)), sep="  ", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps({"rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
