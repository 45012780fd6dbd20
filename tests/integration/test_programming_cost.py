"""Writing the initial weights costs time and energy where it is asked for, by a rule worked out by hand here."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

import archsim
from archsim import Run
from archsim.simulation import Interrupted

from .experiments import WORKLOADS, digits

DEVICE = "chip.device={kind: soft-bounds, dw_min: 0.001, w_max: 0.8, w_min: -0.8}"
SHORT = ("training.max_mini_batches=4", "run.evaluate_every=4", DEVICE)


def timed(*overrides: str) -> Run:
    return digits("data.samples=48", *SHORT, *overrides, mode="timing")


def programmed(run: Run) -> dict[tuple[str, str, str], int]:
    rows = run.cost[run.cost.phase == "P"]
    names = zip(rows.layer, rows.component, rows.operation, strict=True)
    return dict(zip(names, (int(count) for count in rows["count"]), strict=True))


def test_without_asking_weights_are_there() -> None:
    run = timed()
    assert not programmed(run)
    assert run.metrics["program_ps"] is None
    assert run.metrics["program_pj"] is None


def test_time_and_counts_are_those_of_the_rule() -> None:
    """64 inputs: |w| up to 1/8, 125 slots of dw_min, 5 trains of at most 31; 512 ns a train, a read of 384 ns."""
    run, without = timed("run.program=true"), timed()
    assert run.metrics["program_ps"] == 64 * (5 * 512_000 + 384_000)
    assert run.metrics["makespan_ps"] == without.metrics["makespan_ps"] + run.metrics["program_ps"]
    found = programmed(run)
    assert {key[1:]: count for key, count in found.items() if key[0] == "fc1"} == {
        ("array", "cell_read"): 64 * 64,
        ("array", "cell_write"): 64 * 64 * 5,
        # Half of the largest weight in the mean.
        ("array", "coincidence"): 64 * 64 * 125 // 2,
        ("dac", "conversion"): 64,
        ("integrator", "integration"): 64 * 64,
        ("adc", "conversion"): 64 * 64,
        ("pulse_driver", "write_row"): 64 * 5,
        ("pulse_driver", "write_column"): 64 * 64 * 5,
        ("host", "byte"): 64 * 64,
    }
    # 32 inputs of fc3: |w| up to 0.1768, 177 slots, 6 trains.
    assert found["fc3", "pulse_driver", "write_row"] == 32 * 6


def test_training_itself_does_not_change() -> None:
    run, without = (digits(*SHORT, f"run.program={asked}") for asked in ("true", "false"))
    assert run.metrics["accuracy"] == without.metrics["accuracy"]
    assert run.metrics["pulses"] == without.metrics["pulses"]
    rest = run.cost[(run.cost.phase != "P") & (run.cost.operation != "leakage")].reset_index(drop=True)
    assert rest.equals(without.cost[without.cost.operation != "leakage"].reset_index(drop=True))


def test_timing_counts_what_a_run_with_numbers_counts() -> None:
    for chip in ("reram-1024", "rpu-512"):
        coupled, timing = (
            digits(f"chip={chip}", *SHORT, "run.program=true"),
            timed(f"chip={chip}", DEVICE, "run.program=true"),
        )
        assert programmed(coupled) == programmed(timing)
        assert coupled.metrics["program_ps"] == timing.metrics["program_ps"]
        assert coupled.metrics["program_pj"] == timing.metrics["program_pj"]


def test_weights_beyond_a_devices_bounds_take_as_many_pulses_as_the_bound() -> None:
    run = timed("run.program=true", "network.layers.0.initial_range=5.0")
    # 0.8 / 0.001 slots, 26 trains.
    assert programmed(run)["fc1", "pulse_driver", "write_row"] == 64 * 26


def test_slow_hosts_hold_the_start_back() -> None:
    run = timed("run.program=true", "chip.host.clock=1 MHz")
    # 6464 weights of a byte, 64 B a cycle, 100 cycles of latency.
    assert run.metrics["program_ps"] == (100 + 101) * 1_000_000


def test_energy_is_priced_and_priced_again() -> None:
    first, fresh = timed("run.program=true"), timed("run.program=true", "chip.tile.energy.cell_write.fixed=1 pJ")
    again = first.reprice(fresh.chip)
    assert again.metrics["program_pj"] == fresh.metrics["program_pj"]
    assert again.metrics["program_pj"] > first.metrics["program_pj"]
    rows = first.cost[first.cost.phase == "P"]
    assert first.metrics["program_pj"] == math.fsum(rows.dynamic_pj)


def test_a_run_resumed_while_it_programs_is_the_same_run(tmp_path: Path) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 2

    overrides = [*SHORT, "data.samples=48", "run.program=true"]
    experiment = archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", overrides, "timing")
    whole = archsim.simulate(experiment)
    with pytest.raises(Interrupted):
        archsim.simulate(experiment, workspace=tmp_path, interrupted=stop)
    again = archsim.simulate(experiment, workspace=tmp_path, resume=True)
    assert again.metrics == whole.metrics
    assert again.timeline.equals(whole.timeline)
    assert again.cost.equals(whole.cost)
