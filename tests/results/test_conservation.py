"""Nothing is lost between the simulator and its results: time, bytes, operations, energy."""

from __future__ import annotations

import math

import pytest

from archsim import differing_keys, simulate
from archsim.document import load_experiment
from archsim.results import Run

SHORT = ["training.max_mini_batches=6", "data.samples=60", "data.test_samples=20", "training.mini_batch=8"]


@pytest.fixture(scope="module", params=["asynchronous", "synchronous"])
def overrides(request: pytest.FixtureRequest) -> list[str]:
    return [*SHORT, f"schedule.kind={request.param}", "schedule.micro_batches=4"]


@pytest.fixture(scope="module")
def run(overrides: list[str]) -> Run:
    return simulate(load_experiment("workloads/mlp_digits.yaml", overrides))


def test_busy_and_idle_by_cause_add_up_for_every_unit(run: Run) -> None:
    makespan = run.observations.makespan_ps
    length = run.timeline["end_ps"] - run.timeline["start_ps"]
    for _, slices in run.timeline.groupby("unit", observed=True):
        assert int(length[slices.index].sum()) == makespan
        assert slices["end_ps"].tolist()[:-1] == slices["start_ps"].tolist()[1:]
    busy = run.timeline["action"] != ""
    for (unit, cause), time in run.observations.idle_ps.items():
        rows = ~busy & (run.timeline["unit"] == unit) & (run.timeline["cause"] == cause)
        assert int(length[rows].sum()) == time


def test_power_states_of_every_unit_fill_the_makespan(run: Run) -> None:
    for unit in run.observations.units:
        assert unit.active_ps + unit.idle_ps + unit.gated_ps == run.observations.makespan_ps
        # The arrays of a tile share its power state; they are no units of the timeline.
        if unit.component == "array":
            continue
        slices = run.timeline[(run.timeline["unit"] == unit.unit) & (run.timeline["action"] != "")]
        assert int((slices["end_ps"] - slices["start_ps"]).sum()) == unit.active_ps


def test_bytes_arrive(run: Run) -> None:
    assert run.metrics["bytes_sent"] == run.metrics["bytes_received"] > 0


def test_the_ledger_sums_to_the_total(run: Run) -> None:
    counted = run.cost[run.cost["operation"] != "leakage"]
    assert int(counted["count"].sum()) == sum(run.observations.counts.values())
    energy = math.fsum(run.cost["dynamic_pj"]) + math.fsum(run.cost["leakage_pj"])
    assert run.metrics["energy_pj"] == energy
    assert run.learning["energy_pj"].iloc[-1] <= energy * (1 + 1e-12)


def test_energies_of_a_repriced_run_equal_a_fresh_run(run: Run, overrides: list[str]) -> None:
    prices = ["chip.adc.energy.fixed='3 pJ'", "chip.nmpu.leakage.idle='7 mW'", "chip.tile.area='10 um^2'"]
    experiment = load_experiment("workloads/mlp_digits.yaml", [*overrides, *prices])
    fresh = simulate(experiment)
    repriced = run.reprice(experiment.chip)
    assert repriced.metrics == fresh.metrics
    assert repriced.metrics["energy_pj"] != run.metrics["energy_pj"]
    assert repriced.cost.equals(fresh.cost)
    assert repriced.learning["energy_pj"].tolist() == pytest.approx(fresh.learning["energy_pj"].tolist(), rel=1e-12)
    assert differing_keys(load_experiment(repriced.settings), experiment) == {}
