"""Nothing appears and nothing is lost: time, bytes and energy add up."""

from __future__ import annotations

import math

import pytest

import archsim
from archsim import InputError, Run

from .experiments import WORKLOADS, digits

CASES = {
    "reram, asynchronous": ("schedule.kind=asynchronous",),
    "rpu, synchronous": ("chip=rpu-512", "schedule.kind=synchronous", "schedule.micro_batches=4"),
    "grid over nodes": ("chip.tile.rows=20", "chip.tile.columns=24", "schedule.kind=gpipe", "schedule.micro_batches=3"),
    "unit": ("chip=unit",),
    "c-TTv2": ("chip=rpu-512", "training.algorithm=c-ttv2"),
    "residual learning on a grid": (
        "chip.tile.rows=20",
        "chip.tile.columns=24",
        "training.algorithm=residual-learning",
    ),
    "separate transfers": ("training.algorithm=tiki-taka", "schedule.transfers=separate"),
    "mixed precision": ("training.algorithm=mixed-precision", "schedule.kind=synchronous"),
}


@pytest.fixture(scope="module", params=list(CASES), ids=list(CASES))
def run(request: pytest.FixtureRequest) -> Run:
    return digits(*CASES[request.param])


def test_busy_and_idle_by_cause_are_the_makespan_for_every_unit(run: Run) -> None:
    timeline, makespan = run.timeline, run.metrics["makespan_ps"]
    lengths = timeline.end_ps - timeline.start_ps
    assert (lengths.groupby(timeline.unit, observed=True).sum() == makespan).all()
    assert ((timeline.action != "") != (timeline.cause != "")).all()
    for _, rows in timeline.groupby("unit", observed=True):
        ordered = rows.sort_values(["start_ps", "end_ps"])
        assert (ordered.start_ps.to_numpy()[1:] == ordered.end_ps.to_numpy()[:-1]).all()


def test_power_states_cover_the_makespan_for_every_unit(run: Run) -> None:
    assert run.observations.units
    for unit in run.observations.units:
        assert unit.active_ps + unit.idle_ps + unit.gated_ps == unit.units * run.metrics["makespan_ps"]


def test_bytes_sent_are_bytes_received(run: Run) -> None:
    assert run.metrics["bytes_sent"] == run.metrics["bytes_received"]


def test_ledger_sums_to_the_total(run: Run) -> None:
    dynamic, leakage = math.fsum(run.cost.dynamic_pj), math.fsum(run.cost.leakage_pj)
    assert leakage == pytest.approx(run.metrics["leakage_pj"], rel=1e-12)
    assert dynamic + leakage == pytest.approx(run.metrics["energy_pj"], rel=1e-12)


def test_last_point_of_the_learning_curve_has_the_energy_of_the_run(run: Run) -> None:
    last = run.learning.iloc[-1]
    assert last.time_ps <= run.metrics["makespan_ps"]
    assert last.energy_pj <= run.metrics["energy_pj"] * (1 + 1e-12)
    assert (run.learning.energy_pj.diff().dropna() >= 0).all()


def test_a_repeated_run_is_the_same_run() -> None:
    one, again = digits(), digits()
    assert one.metrics == again.metrics
    assert one.timeline.equals(again.timeline)
    assert one.cost.equals(again.cost)
    assert one.learning.equals(again.learning)


def test_matrix_on_a_grid_learns_and_sends_parts_over_links() -> None:
    whole, grid = digits(), digits(*CASES["grid over nodes"])
    assert grid.metrics["bytes_sent"] > whole.metrics["bytes_sent"]
    assert len([unit for unit in grid.observations.units if unit.component == "tile" and unit.active_ps]) > 3


PRICES = (
    "chip.adc.energy.per_step={value: 1 fJ}",
    "chip.nmpu.multiply_add={value: 57 fJ}",
    "chip.tile.leakage.idle={value: 1 mW}",
)


def test_repriced_run_has_the_energies_of_a_fresh_one() -> None:
    first, fresh = digits(), digits(*PRICES)
    again = first.reprice(archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", PRICES).chip)
    assert first.metrics["energy_pj"] != fresh.metrics["energy_pj"]
    for name in ("energy_pj", "leakage_pj", "power_w", "area_um2"):
        assert again.metrics[name] == fresh.metrics[name]
    assert again.cost.equals(fresh.cost)
    assert again.learning.equals(fresh.learning)


def test_repricing_for_a_chip_with_other_times_is_refused() -> None:
    run = digits()
    slower = digits("chip.tile.update_fixed_time=1 us").chip
    with pytest.raises(InputError, match="update_fixed_time"):
        run.reprice(slower)


@pytest.mark.parametrize("part", ["interconnect", "buffer", "host", "nmpu"])
def test_more_bandwidth_is_never_slower(part: str) -> None:
    """Under the same order of work (the schedule fixes it), a wider part cannot cost time."""
    field = "lanes" if part == "nmpu" else "bytes_per_cycle"
    times = [
        digits(f"chip.{part}.{field}={width}", mode="timing").metrics["makespan_ps"] for width in (1, 2, 4, 16, 64, 256)
    ]
    assert times == sorted(times, reverse=True)
    assert times[0] > times[-1]


def test_a_schedule_that_stores_too_much_is_refused_before_the_clock_starts() -> None:
    with pytest.raises(archsim.DoesNotFit, match="buffer of stage 0") as refused:
        digits(
            "chip.buffer.capacity=8 KiB", "schedule.kind=gpipe", "schedule.micro_batches=12", "training.mini_batch=48"
        )
    assert "chip.buffer.capacity" in str(refused.value)
