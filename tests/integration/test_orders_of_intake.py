"""Stages that take micro-batches in orders of their own, in buffers just large enough."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.errors import InputError
from archsim.simulation import Interrupted

#: Orders of F that differ between the stages, with B and U of each micro-batch.
TRAINING = "F2 F0 F1 B0 U0 B2 U2 B1 U1\nF0 B0 U0 F2 B2 U2 F1 B1 U1\n"
FORWARD = "F2 F1 F0\nF0 F1 F2\n"


def document(path: Path, text: str) -> dict[str, Any]:
    path.write_text(text)
    return {
        "network": "mlp-64-64-32-10",
        "chip": "reram-1024",
        "data": {"samples": 36},
        "training": {"learning_rate": 0.1, "mini_batch": 6},
        "schedule": {"kind": "file", "path": str(path), "stages": 2, "micro_batches": 3},
        "run": {"mode": "timing", "checkpoint_every": 1},
    }


@pytest.mark.parametrize(("text", "stored"), [(TRAINING, [3, 1]), (FORWARD, [3, 1])])
def test_they_run_in_as_little_as_they_store(text: str, stored: list[int], tmp_path: Path) -> None:
    made = document(tmp_path / "s", text)
    memory = archsim.prepare(made).memory
    assert [stage.micro_batches for stage in memory] == stored
    least = max(stage.demand_bytes for stage in memory)
    run = archsim.simulate(made, [f"chip.buffer.capacity={least} B"])
    assert max(run.metrics["peak_buffer_bytes"].values()) <= least
    first = run.timeline[(run.timeline.unit == "stage 1") & (run.timeline.action == "F")].sort_values("start_ps")
    assert [*first.micro_batch[:3]] == [int(word[1:]) for word in text.splitlines()[1].split() if word[0] == "F"]


def test_a_run_goes_on_with_inputs_that_came_early(tmp_path: Path) -> None:
    made = document(tmp_path / "s", TRAINING)
    least = max(stage.demand_bytes for stage in archsim.prepare(made).memory)
    sets = [f"chip.buffer.capacity={least} B"]
    asked = 0

    def interrupted(event: int) -> Any:
        def now() -> bool:
            nonlocal asked
            asked += 1
            return asked >= event

        return now

    whole = archsim.simulate(made, sets, interrupted=interrupted(10**9))
    for event in range(1, asked, max(asked // 12, 1)):
        folder, asked = tmp_path / str(event), 0
        with suppress(Interrupted):
            archsim.simulate(made, sets, workspace=folder, interrupted=interrupted(event))
        again = archsim.simulate(made, sets, workspace=folder, resume=True)
        assert again.metrics == whole.metrics


def test_a_run_knows_its_file_by_what_it_holds(tmp_path: Path) -> None:
    made = document(tmp_path / "s", TRAINING)
    run = archsim.simulate(made)
    assert run.provenance.schedule == {
        "file": str(tmp_path / "s"),
        "sha256": hashlib.sha256(TRAINING.encode()).hexdigest(),
    }
    asked = iter(range(10**6))
    with pytest.raises(Interrupted):
        archsim.simulate(made, workspace=tmp_path / "run", interrupted=lambda: next(asked) > 40)
    (tmp_path / "s").write_text(TRAINING.replace("F2 F0 F1", "F0 F2 F1"))
    with pytest.raises(InputError, match="belongs to another run: its actions have changed"):
        archsim.simulate(made, workspace=tmp_path / "run", resume=True)
