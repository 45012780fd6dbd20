"""Published times of updates come out of runs, without numbers and with them.

Rasch et al. 2024 (doi:10.1038/s41467-024-51221-z), Table 1: a layer of 512 x 512, reads of 40 ns, pulses of 5 ns,
trains of 5 slots, a line read every second sample, batches of 100, 175 GFLOPS for each array. It rounds to a tenth of
a nanosecond. arXiv:2502.06309, Table 3: trains of 32 slots, and every sample moves a line.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import archsim
from archsim import Run
from archsim.data import DataSet

SIZE, BATCH, BATCHES = 512, 100, 2
#: All slots of a train are sent: the tables count them so.
FULL = {"update_bl_management": False, "expected_bl": None}


def simulated(mode: str, algorithm: dict[str, Any] | str, slots: int, phases: int = 1) -> Run:
    document = {
        "network": {
            "input_shape": [SIZE],
            "layers": [{"name": "fc", "kind": "linear", "features": SIZE, "bias": False}],
            "loss": "mean-squared-error",
        },
        "chip": {
            "preset": "rpu-512-single",
            "device": {"preset": "soft-bounds", "dw_min": 0.01},
            "tile": {"phases": phases},
            "update": {"desired_bl": slots, **FULL},
            # Three digital matrices of 512 x 512 numbers are more than the preset's 1 MiB.
            "buffer": {"capacity": "4 MiB"},
        },
        "data": {"samples": BATCH * BATCHES},
        "training": {"algorithm": algorithm, "learning_rate": 0.01, "mini_batch": BATCH},
        "run": {"mode": mode},
    }
    return archsim.simulate(document, data=None if mode == "timing" else samples())


def samples() -> DataSet:
    rng = np.random.default_rng(3)
    x, targets = (rng.uniform(-1, 1, (BATCH * BATCHES, SIZE)).astype(np.float32) for _ in range(2))
    return DataSet("uniform", x, targets, x[:0], targets[:0], None)


def nanoseconds_a_sample(run: Run) -> float:
    updates = run.timeline[(run.timeline.unit == "stage 0") & (run.timeline.action == "U")]
    return (updates.end_ps - updates.start_ps).sum() / 1000 / (BATCH * BATCHES)


def transferring(preset: str, every: float, slots: int) -> dict[str, Any]:
    return {"preset": preset, "transfer_every": every, "update": {"desired_bl": slots, **FULL}}


@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize(
    ("algorithm", "slots", "published"),
    [
        ("analog-sgd", 5, 30.9),
        (transferring("ttv2-paper", 2.0, 5), 5, 56.3),
        (transferring("c-ttv2-paper", 2.0, 5), 5, 56.3),
        (transferring("agad-paper", 2.0, 5), 5, 62.1),
        (transferring("agad-paper", 10.0, 1), 1, 17.1),
        ("mixed-precision", 5, 3024.5),
    ],
    ids=["in-memory SGD", "TTv2", "c-TTv2", "AGAD", "AGAD, short", "mixed precision"],
)
def test_table_of_rasch_2024(mode: str, algorithm: dict[str, Any] | str, slots: int, published: float) -> None:
    found = nanoseconds_a_sample(simulated(mode, algorithm, slots))
    assert found == pytest.approx(published, abs=0.06)


@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize(
    ("algorithm", "published", "rounding"), [("analog-sgd", 165.9, 0.06), ("residual-learning", 371.8, 0.12)]
)
def test_table_of_residual_learning(mode: str, algorithm: str, published: float, rounding: float) -> None:
    # 32 slots: 16 for each sign, one sign after the other. The table adds up two rounded updates for residual learning.
    found = nanoseconds_a_sample(simulated(mode, algorithm, 16, phases=2))
    assert found == pytest.approx(published, abs=rounding)
