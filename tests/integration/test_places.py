"""Stages that share a place: its units with arbitration, its buffer, its stage engine."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim import Run
from archsim.report.write import write_views

from .experiments import WORKLOADS, digits

SHARED = "schedule.places=[0, 1, 0]"


def unit(kind: str, stages: int, places: object, micro_batches: int, mini_batches: int = 1, chip: str = "unit") -> Run:
    sets = (
        f"chip={chip}",
        f"schedule.kind={kind}",
        f"schedule.stages={stages}",
        f"schedule.places={places}",
        f"schedule.micro_batches={micro_batches}",
        f"training.mini_batch={micro_batches}",
        f"training.max_mini_batches={mini_batches}",
    )
    return archsim.simulate(archsim.load_experiment(WORKLOADS / "pipeline_unit.yaml", sets, "timing"))


def cycles(run: Run) -> int:
    return run.observations.makespan_ps // 1000


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "gpipe", "sequential"])
@pytest.mark.parametrize(("stages", "micro_batches", "mini_batches"), [(2, 3, 2), (4, 8, 1), (3, 2, 3)])
def test_one_engine_does_all_stages_without_a_pause(
    kind: str, stages: int, micro_batches: int, mini_batches: int
) -> None:
    """As long as anything is left, the oldest action that is not done can be: the engine never waits."""
    run = unit(kind, stages, 1, micro_batches, mini_batches)
    assert cycles(run) == 2 * stages * micro_batches * mini_batches
    assert run.metrics["bubble_fraction"] == 0
    assert run.metrics["place_utilisation"] == [1.0]


@pytest.mark.parametrize(("stages", "places"), [(4, 2), (6, 2), (6, 3), (8, 4)])
@pytest.mark.parametrize("micro_batches", [8, 12])
def test_samples_pass_places_in_turn_at_the_rate_of_a_place(stages: int, places: int, micro_batches: int) -> None:
    """Forward only, M / P stages a place: each place does K M / P cycles, and the last one starts P - 1 later."""
    run = unit("inference", stages, places, micro_batches)
    assert cycles(run) == micro_batches * stages // places + places - 1


@pytest.mark.parametrize("places", [2, 1, [0, 1, 1, 0], [0, 0, 1, 1], [0, 1, 0, 2]])
@pytest.mark.parametrize("kind", ["synchronous", "asynchronous", "gpipe", "inference"])
def test_shared_engines_are_never_faster(kind: str, places: object) -> None:
    apart, shared = unit(kind, 4, "null", 8, 2), unit(kind, 4, places, 8, 2)
    assert cycles(shared) >= cycles(apart)
    busy = [shared.metrics["place_utilisation"][place] for place in sorted({*shared.metrics["places"]})]
    work = defaultdict(int)
    for stage, place in enumerate(shared.metrics["places"]):
        work[place] += apart.observations.stage_busy_ps[stage]
    assert busy == pytest.approx([work[place] / shared.observations.makespan_ps for place in sorted(work)])


def accounted(run: Run) -> None:
    """Busy and idle time by cause of every unit add up to the makespan."""
    times: dict[str, int] = defaultdict(int)
    for row in run.timeline.itertuples():
        times[row.unit] += row.end_ps - row.start_ps
    assert times
    assert {*times.values()} == {run.observations.makespan_ps}


@pytest.mark.parametrize("chip", ["unit", "reram-1024"])
def test_a_plan_by_hand_runs_with_the_numbers_of_a_run_without_a_clock(chip: str) -> None:
    coupled, numerics = (digits(f"chip={chip}", SHARED, mode=mode) for mode in ("coupled", "numerics"))
    for name, weights in coupled.weights.items():
        np.testing.assert_array_equal(weights, numerics.weights[name])
    assert coupled.metrics["places"] == numerics.metrics["places"] == [0, 1, 0]
    assert coupled.metrics["staleness"] == numerics.metrics["staleness"]


@pytest.mark.parametrize("chip", ["unit", "reram-1024"])
def test_every_unit_of_a_shared_place_accounts_for_its_time(chip: str) -> None:
    run = digits(f"chip={chip}", SHARED, mode="timing")
    accounted(run)
    assert run.metrics["bytes_sent"] == run.metrics["bytes_received"]


def test_stages_of_a_place_share_its_digital_unit_and_buffer() -> None:
    slow = ("chip.nmpu.lanes=1", "chip.buffer.bytes_per_cycle=1")
    apart, shared = digits(*slow, mode="timing"), digits(*slow, SHARED, mode="timing")
    assert shared.observations.makespan_ps > apart.observations.makespan_ps
    units = {unit.unit for unit in shared.observations.units if unit.active_ps}
    home = [unit for unit in units if unit.startswith("nmpu")]
    assert len(home) == 2
    peaks, by_stage = shared.metrics["peak_buffer_bytes"], shared.metrics["stage_buffer_bytes"]
    assert len(peaks) == 2
    assert max(by_stage[0], by_stage[2]) <= max(peaks.values()) <= by_stage[0] + by_stage[2]


def test_neighbours_at_one_place_take_no_link() -> None:
    together = digits("schedule.places=[0, 0, 1]", "chip.node_tiles=8", mode="timing")
    apart = digits("chip.node_tiles=8", mode="timing")
    names = {unit.unit for unit in together.observations.units if unit.component == "link" and unit.active_ps}
    assert len(names) == 2  # one pair of places, both ways
    assert byte_hops(together) < byte_hops(apart)
    assert together.metrics["bytes_sent"] == apart.metrics["bytes_sent"]


def byte_hops(run: Run) -> int:
    return sum(count for key, count in run.observations.counts.items() if key.operation == "byte_hop")


def test_a_buffer_just_large_enough_for_both_stages_never_deadlocks() -> None:
    """Waiting inputs of one stage cannot take the space that the other one is guaranteed."""
    sets = [SHARED, "training.mini_batch=12", "training.max_mini_batches=24"]
    free = archsim.prepare(archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", sets, "timing"))
    demands = defaultdict(int)
    for stage in free.memory:
        demands[stage.place] += stage.demand_bytes
    least = max(demands.values())
    exact = digits(SHARED, f"chip.buffer.capacity={least} B", mode="timing")
    assert max(exact.metrics["peak_buffer_bytes"].values()) <= least
    with pytest.raises(archsim.DoesNotFit, match="buffer of stages 0, 2"):
        digits(SHARED, f"chip.buffer.capacity={least - 1} B", mode="timing")


@pytest.mark.parametrize("chip", ["unit", "reram-1024"])
def test_a_run_with_shared_places_is_stored_reported_and_traced(chip: str, tmp_path: Path) -> None:
    run = digits(f"chip={chip}", SHARED, mode="timing")
    run.save(tmp_path / "run")
    assert archsim.load_run(tmp_path / "run").metrics == run.metrics
    write_views(run, tmp_path / "run")
    assert "place_utilisation" in (tmp_path / "run" / "report.html").read_text()


def test_the_bottleneck_of_shared_engines_is_an_engine() -> None:
    found = unit("synchronous", 4, 2, 8).observations.bottleneck
    assert found is not None
    assert (found.component, found.busy_ps) == ("stage_engine", sum(found.parts_ps.values()))
