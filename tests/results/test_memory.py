"""A run of a million events takes no more memory than one of a quarter, with report and trace."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from archsim.report.perfetto import MOST_BYTES, MOST_SLICES

#: How much more memory four times as many events may take, in bytes. The slices alone would be 22 MB of numbers,
#: and twice that as a table.
MOST_GROWTH = 20 * 10**6

#: Measured in a process of its own: the peak of this one may lie far behind.
SCRIPT = """
import json, sys
from pathlib import Path
import archsim
from archsim.report import write_run

def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])

workload, mini_batches, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
settings = ["schedule.kind=asynchronous", "schedule.stages=16", f"training.max_mini_batches={mini_batches}",
            f"data.samples={8 * mini_batches}"]
run = archsim.simulate(archsim.load_experiment(workload, settings, "timing"), workspace=folder / "workspace")
simulated = peak()
write_run(run, folder / "run")
print(json.dumps({"events": run.observations.events, "slices": run.slices.count, "simulated": simulated,
                  "reported": peak()}))
"""
WORKLOAD = Path(__file__).resolve().parents[2] / "workloads" / "pipeline_unit.yaml"


def measure(mini_batches: int, folder: Path) -> dict[str, int]:
    command = [sys.executable, "-c", SCRIPT, str(WORKLOAD), str(mini_batches), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    """Both runs have more slices than a trace holds, up to which a report does grow.

    Peaks of equal runs differ by up to 25 MB: where one of each does not do, it is the larger one of two short runs
    and the smaller one of two long ones.
    """
    peaks = ("simulated", "reported")
    short, long = measure(550, tmp_path / "short"), measure(2200, tmp_path / "long")
    if any(long[name] - short[name] >= MOST_GROWTH for name in peaks):
        once_more, again = measure(550, tmp_path / "short again"), measure(2200, tmp_path / "long again")
        short |= {name: max(short[name], once_more[name]) for name in peaks}
        long |= {name: min(long[name], again[name]) for name in peaks}
    assert short["slices"] > MOST_SLICES
    assert long["events"] > max(1_000_000, 3.9 * short["events"])
    assert long["simulated"] - short["simulated"] < MOST_GROWTH
    assert long["reported"] - short["reported"] < MOST_GROWTH
    trace = tmp_path / "long" / "run" / "trace.json.gz"
    assert trace.stat().st_size <= MOST_BYTES
    content: dict[str, Any] = json.loads(gzip.decompress(trace.read_bytes()))
    about = content["otherData"]
    assert sum(event["ph"] == "X" for event in content["traceEvents"]) == about["slices"] == MOST_SLICES
    assert long["slices"] > about["slices_left_out"] > 0
