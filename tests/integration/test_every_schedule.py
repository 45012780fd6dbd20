"""Every kind of schedule that trains does so on tiles with analog devices, with the clock and the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import plugins
from archsim.schedule import ScheduleKind, make_schedule
from archsim.schedule.specification import ScheduleSpecification

TRAINING = [name for name in plugins.names("archsim.schedules") if plugins.load("archsim.schedules", name).trains]
LAYERS = [
    part
    for layer in range(4)
    for part in (
        {"name": f"fc{layer}", "kind": "linear", "features": 10 if layer == 3 else 6},
        {"name": f"act{layer}", "kind": "tanh"},
    )
][:-1]


@pytest.mark.parametrize("kind", TRAINING)
def test_it_runs_coupled_on_reram(kind: str, tmp_path: Path) -> None:
    registered: ScheduleKind = plugins.load("archsim.schedules", kind)
    schedule: dict[str, Any] = {"kind": kind, "stages": 4, "micro_batches": 4}
    if "path" in registered.Settings.model_fields:
        schedule["path"] = str(tmp_path / "actions.txt")
        listed = make_schedule(ScheduleSpecification(kind="synchronous", micro_batches=4), 4, 1)
        (tmp_path / "actions.txt").write_text(listed.to_text(), encoding="utf-8")
    run = archsim.simulate(
        {
            "network": {"input_shape": [64], "layers": LAYERS},
            "chip": "reram-1024",
            "data": {"samples": 24, "test_samples": 10},
            "training": {"learning_rate": 0.1, "mini_batch": 8},
            "schedule": schedule,
        }
    )
    assert run.metrics["samples"] == 24
    assert run.metrics["makespan_ps"] > 0 < run.metrics["energy_pj"]
    assert all(np.isfinite(array).all() for array in run.weights.values())
    assert np.isfinite(run.learning.train_loss.dropna()).all()
    assert len(run.metrics["staleness"]) == 4
    assert min(run.metrics["pulses"].values()) > 0
