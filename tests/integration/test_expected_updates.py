"""Runs without numbers take what runs with numbers take on average."""

from __future__ import annotations

import pandas as pd
import pytest

from archsim import Run, plugins

from .experiments import digits

#: Trains of gradients are sent whole, so that the numbers decide about transfers only.
WHOLE = "{desired_bl: 5, update_bl_management: false, expected_bl: null}"
PRESETS = [name for name in plugins.names("archsim.algorithms") if not name.startswith(("ttv2-", "c-ttv2-", "agad-"))]


def run(name: str, mode: str) -> Run:
    settings = plugins.load("archsim.algorithms", name)()
    own = (f"training.algorithm.update={WHOLE}",) if "update" in type(settings).model_fields else ()
    overrides = (f"training.algorithm={name}", *own, f"chip.update={WHOLE}", "run.evaluate_every=24")
    return digits("chip=rpu-512", "chip.device.dw_min=0.01", *overrides, mode=mode)


def counted(run: Run) -> pd.Series:
    """Return the operations of updates."""
    updates = run.cost[run.cost.phase == "U"]
    return updates.groupby(["component", "operation"])["count"].sum()


def update_time_ps(run: Run) -> int:
    stages = run.timeline[run.timeline.unit.str.startswith("stage").fillna(False) & (run.timeline.action == "U")]
    return int((stages.end_ps - stages.start_ps).sum())


@pytest.mark.parametrize("name", PRESETS)
def test_digital_work_and_reads_are_the_same_and_times_agree(name: str) -> None:
    coupled, timing = run(name, "coupled"), run(name, "timing")
    seen, expected = counted(coupled), counted(timing)
    for key in (("nmpu", "multiply_add"), ("buffer", "read_byte"), ("buffer", "write_byte"), ("adc", "conversion")):
        assert seen.get(key, 0) == expected.get(key, 0), key
    # Lines of which no cell is to be pulsed are not written, and several pulses at once take several slots.
    assert seen.get(("array", "cell_write"), 0) <= expected.get(("array", "cell_write"), 0)
    assert update_time_ps(coupled) == pytest.approx(update_time_ps(timing), rel=0.15)
