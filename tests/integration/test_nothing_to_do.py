"""What has nothing to do asks for no unit: at a place of two stages it does not wait behind the other stage's work."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import archsim

#: Two stages at one place, whose digital unit takes longer than all else.
SHARED: dict[str, Any] = {
    "network": {
        "input_shape": [8],
        "layers": [
            {"name": "a", "kind": "linear", "features": 8},
            {"name": "b", "kind": "linear", "features": 8},
        ],
        "loss": "mean-squared-error",
    },
    "chip": {"preset": "reram-1024", "nmpu": {"lanes": 1, "clock": "20 MHz"}, "node_tiles": 4},
    "data": {"samples": 8},
    "training": {"learning_rate": 0.1, "mini_batch": 4},
    "schedule": {"kind": "asynchronous", "stages": [["a"], ["b"]], "places": 1, "micro_batches": 4},
    "run": {"mode": "timing"},
}


def busy(*overrides: str) -> pd.DataFrame:
    """Return what units did, and when."""
    table = archsim.simulate(SHARED, list(overrides)).timeline
    table = table[(table.action != "") & (table.end_ps > table.start_ps)]
    return table.drop(columns=["layer", "cause"]).sort_values(["unit", "start_ps"]).reset_index(drop=True)


@pytest.mark.parametrize("kind", ["tiki-taka", "buffered-transfer", "chopped-transfer"])
def test_a_transfer_that_is_not_due_waits_for_nothing(kind: str) -> None:
    never = f"training.algorithm={{kind: {kind}, transfer_every: 1000000, units_in_mbatch: false}}"
    assert busy(never).equals(busy("training.algorithm=analog-sgd"))


def test_a_change_of_shape_waits_for_nothing() -> None:
    """Each time it waits it would hold up what comes behind it: here the other stage asks a lot of the digital unit."""
    shaped = archsim.simulate(
        SHARED
        | {
            "network": {
                "input_shape": [8],
                "layers": [
                    {"name": "r", "kind": "identity"},
                    {"name": "a", "kind": "linear", "features": 8},
                    {"name": "b", "kind": "linear", "features": 8},
                ],
                "loss": "mean-squared-error",
            },
            "schedule": SHARED["schedule"] | {"stages": [["r", "a"], ["b"]]},
        }
    ).timeline
    nmpu, port = (shaped[(shaped.unit == f"{unit} 0") & (shaped.layer == "r")] for unit in ("nmpu", "buffer"))
    assert (nmpu.end_ps == nmpu.start_ps).all()
    # What it writes takes the port as long as ever; the read behind it follows at once.
    reads = shaped[(shaped.layer == "a") & (shaped.action == "F") & shaped.unit.str.startswith("tile")]
    assert list(reads.start_ps) == list(port[port.action == "F"].end_ps)


def test_an_action_of_a_stage_engine_that_takes_no_time_waits_for_nothing() -> None:
    """While one stage reads backward, the other one does its update: the engine that they share is not asked."""
    table = archsim.simulate(SHARED | {"chip": "unit"}).timeline
    updates = table[(table.action == "U") & table.unit.str.startswith("stage ")]
    assert (updates.end_ps == updates.start_ps).all()
    engine = table[(table.unit == "stage engine 0") & (table.action != "")]
    assert set(engine.action) == {"F", "B"}
