"""Schedules that order the stages of a place, and ``zb-h2``, on chips: time, weights, buffers, turns."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

import archsim
from archsim import Run
from archsim.schedule import StageCycles, dry_run

from .experiments import digits

EXACT = ("interleaved", "breadth-first")
ZERO_BUBBLE = ("zb-h1", "zb-h2", "zb-v", "dualpipe-v")
KINDS = (*EXACT, "zb-h2", "zb-v", "dualpipe-v")


def sets(kind: str, *more: str) -> tuple[str, ...]:
    return (f"schedule.kind={kind}", "schedule.micro_batches=4", "schedule.stages=3", *more)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chip", ["unit", "unit-fbu"])
@pytest.mark.parametrize(("stages", "micro_batches"), [(4, 8), (3, 5)])
def test_engines_take_what_the_dry_run_says(kind: str, chip: str, stages: int, micro_batches: int) -> None:
    changes = [f"chip={chip}", f"schedule.stages={stages}", f"schedule.micro_batches={micro_batches}"]
    changes += [f"schedule.kind={kind}", f"training.mini_batch={micro_batches}", "training.max_mini_batches=2"]
    prepared, run = archsim.prepare("pipeline_unit", changes), archsim.simulate("pipeline_unit", changes)
    cycles = StageCycles(1000, 1000, 1000 if chip == "unit-fbu" else 0)
    assert run.metrics["makespan_ps"] == dry_run(prepared.schedule, (cycles,) * stages).makespan
    forms = prepared.closed_forms
    if stages % 2 == 0:
        assert forms["makespan_ps"] == run.metrics["makespan_ps"]
        assert forms["bubble_fraction"] == pytest.approx(run.metrics["bubble_fraction"], abs=1e-12)
    times: dict[str, int] = defaultdict(int)
    for row in run.timeline.itertuples():
        times[row.unit] += row.end_ps - row.start_ps
    assert {*times.values()} == {run.observations.makespan_ps}


def assert_equal_weights(one: Run, other: Run) -> None:
    for name, weights in one.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])


@pytest.mark.parametrize("kind", KINDS)
def test_weights_on_tiles_are_those_without_a_clock(kind: str) -> None:
    coupled, numerics = (digits(*sets(kind), mode=mode) for mode in ("coupled", "numerics"))
    assert_equal_weights(coupled, numerics)
    assert coupled.metrics["staleness"] == numerics.metrics["staleness"]
    exact = digits(*sets("sequential"), mode="numerics")
    if kind in EXACT:
        assert_equal_weights(coupled, exact)
    else:
        assert not np.array_equal(coupled.weights["fc1"], exact.weights["fc1"])


@pytest.mark.parametrize("algorithm", ["{kind: mixed-precision}", "{kind: tiki-taka, gamma: 0.0, transfer_every: 12}"])
def test_zero_bubbles_are_exact_where_updates_go_to_what_is_not_read(algorithm: str) -> None:
    """Noise included: gradients are accumulated, and reach what F and B read at the end of the mini-batch only."""
    more = (f"training.algorithm={algorithm}", "schedule.transfers=separate")
    exact = digits(*sets("sequential", *more), mode="numerics")
    for kind in ZERO_BUBBLE:
        run = digits(*sets(kind, *more), mode="numerics")
        assert max(run.metrics["staleness"]) > 0
        assert_equal_weights(run, exact)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("overlap", ["none", "stages"])
def test_buffers_just_large_enough_never_deadlock(kind: str, overlap: str) -> None:
    features = (40, 200, 8, 40, 8, 4)
    layers = [{"name": f"fc{n}", "kind": "linear", "features": size} for n, size in enumerate(features)]
    document = {
        "network": {"input_shape": [8], "layers": layers},
        "chip": "reram-1024",
        "data": {"samples": 15},
        "training": {"learning_rate": 0.1, "mini_batch": 5},
        "schedule": {
            "kind": kind,
            "stages": [[layer["name"]] for layer in layers],
            "micro_batches": 5,
            "overlap": overlap,
        },
        "run": {"mode": "timing"},
    }
    demands: dict[int, int] = defaultdict(int)
    for stage in archsim.prepare(document).memory:
        demands[stage.place] += stage.demand_bytes
    least = max(demands.values())
    run = archsim.simulate(document, [f"chip.buffer.capacity={least} B"])
    assert max(run.metrics["peak_buffer_bytes"].values()) <= least
    with pytest.raises(archsim.DoesNotFit, match="buffer of stage"):
        archsim.simulate(document, [f"chip.buffer.capacity={least - 1} B"])


def test_a_stage_waits_for_its_turn() -> None:
    """Of two stages at one place the second has its input at 1 ns, and its turn when the first begins its last F."""
    changes = ["schedule.kind=breadth-first", "schedule.stages=2", "schedule.micro_batches=4"]
    run = archsim.simulate("pipeline_unit", [*changes, "training.mini_batch=4", "training.max_mini_batches=2"])
    second = run.timeline[run.timeline.unit == "stage 1"]
    first_forward = second[second.action == "F"].iloc[0]
    assert (first_forward.start_ps, first_forward.end_ps) == (3000, 5000)  # The engine is free at 4 ns.
    assert "its turn at its place" in {*second.cause}
    assert run.metrics["place_utilisation"] == [1.0]
