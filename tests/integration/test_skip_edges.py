"""Values that skip stages: who waits for whom follows from the edges of the network, not from the numbers of stages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import archsim
from archsim import Run
from archsim.errors import Deadlock
from archsim.schedule import Action, PipelineShape, Schedule, StageCycles, dry_run, make_schedule
from archsim.schedule.specification import ScheduleSpecification

KINDS = ("sequential", "gpipe", "synchronous", "asynchronous", "zb-h1")
FBU = StageCycles(1, 1, 1)


def residual(chip: str, kind: str, mode: str, *, skip_first: bool = True, **sections: Any) -> Run:
    """Simulate four stages, the last of which adds what the first and the third one give."""
    names = ["fc1", "fc3"] if skip_first else ["fc3", "fc1"]
    layers: list[dict[str, Any]] = [{"name": f"fc{i}", "kind": "linear", "features": 8} for i in (1, 2, 3)]
    layers += [{"name": "sum", "kind": "add", "inputs": names}, {"name": "fc4", "kind": "linear", "features": 10}]
    document = {
        "network": {"input_shape": [64], "layers": layers},
        "chip": chip,
        "data": {"name": "digits", "test_samples": 40},
        "training": {"learning_rate": 0.05, "mini_batch": 4, "max_mini_batches": 3},
        "schedule": {"kind": kind, "micro_batches": 4, "stages": [["fc1"], ["fc2"], ["fc3"], ["sum", "fc4"]]},
        "run": {"mode": mode},
    }
    return archsim.simulate(document | sections)


@pytest.mark.parametrize("kind", KINDS)
def test_a_skip_edge_costs_nothing_where_the_way_round_is_longer(kind: str) -> None:
    found = residual("unit-fbu", kind, "timing")
    schedule = make_schedule(archsim.load_experiment("pipeline_unit", [f"schedule.kind={kind}"]).schedule, 4, 3)
    shape = PipelineShape(4, 3, 4)
    schedule = Schedule(kind, shape, schedule.update, schedule.order, schedule.kinds, schedule.settings)
    chain = dry_run(schedule, (FBU,) * 4)
    skipping = dry_run(schedule, (FBU,) * 4, [(0, 1), (1, 2), (0, 3), (2, 3)])
    assert skipping == chain
    assert found.metrics["makespan_ps"] == 1000 * chain.makespan
    assert found.metrics["in_flight_max"] == list(chain.in_flight_max)


@pytest.mark.parametrize("kind", KINDS)
def test_with_and_without_a_clock_a_residual_network_learns_the_same(kind: str) -> None:
    coupled, numerics = (residual("reram-1024", kind, mode) for mode in ("coupled", "numerics"))
    for metric in ("loss", "accuracy", "staleness", "in_flight_max", "stored_max", "updates"):
        assert coupled.metrics[metric] == numerics.metrics[metric], metric


def test_a_stage_waits_for_the_stages_whose_values_it_uses() -> None:
    """Two branches of one and of three stages: the dry run's makespan is that of the longer one."""
    edges = [(0, 1), (0, 2), (2, 3), (1, 4), (3, 4)]
    schedule = make_schedule(ScheduleSpecification(kind="gpipe", micro_batches=1), 5, 1)
    slow = (StageCycles(), StageCycles(forward=9, backward=5), StageCycles(), StageCycles(), StageCycles())
    assert dry_run(schedule, (StageCycles(),) * 5, edges).makespan == 8
    assert dry_run(schedule, slow, edges).makespan == 1 + 9 + 2 + 5 + 1


def test_waiting_in_a_circle_over_a_skip_edge_names_the_stage_that_is_waited_for() -> None:

    def held_up(shape: PipelineShape, stage: int) -> Iterator[Action]:
        return map(Action.parse, ("F0 B0 F1 B1 U1*2" if stage < 2 else "F1 F0 B0 B1 U1*2").split())

    with pytest.raises(Deadlock) as found:
        dry_run(Schedule("written", PipelineShape(3, 1, 2), "deferred", held_up), edges=[(0, 1), (0, 2)])
    # Stage 1 has given its gradient: only stage 2 is waited for.
    assert "stage 0 waits to do B0, for gradient 0 from stage 2, which is at F1" in str(found.value)
    assert "stage 2 waits to do F1, for input 1 from stage 0, which is at B0" in str(found.value)


def test_a_value_that_arrives_early_claims_the_space_of_its_micro_batch() -> None:
    """In whichever order the sum lists its inputs: the one from the first stage comes long before the other."""
    first, last = (residual("reram-1024", "gpipe", "timing", skip_first=skip_first) for skip_first in (True, False))
    assert first.metrics["peak_buffer_bytes"] == last.metrics["peak_buffer_bytes"]
    assert first.metrics["makespan_ps"] == last.metrics["makespan_ps"]
