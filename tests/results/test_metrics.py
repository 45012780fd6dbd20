"""The metrics are what their definitions say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.chip.counts import UnitTime
from archsim.results import METRICS, Observations
from archsim.results.metrics import NUMERICS, Costs, compute_metrics

SEEN = Observations(
    makespan_ps=1000,
    samples=20,
    mini_batches=5,
    accuracy=0.75,
    test_loss=1.25,
    perplexity=3.5,
    loss=0.5,
    staleness=(1.0, 0.0),
    in_flight_max=(2, 1),
    stored_max=(3, 3),
    stage_busy_ps=(800, 600),
    places=(0, 1),
    place_busy_ps=(800, 600),
    stage_buffer_bytes=(64, 32),
    stages=("stage 0", "stage 1"),
    counts={},
    units=(
        UnitTime("tile", "tile 0", 700, 300, 0),
        UnitTime("tile", "tile 1", 500, 500, 0),
        UnitTime("tile", "tile 2", 0, 0, 1000),
        UnitTime("nmpu", "nmpu 0", 0, 1000, 0),
    ),
    tiles=3,
    nodes=1,
    idle_ps={
        ("stage 0", "input"): 150,
        ("stage 0", "drained"): 50,
        ("stage 1", "input"): 400,
        ("tile 0", "input"): 300,
    },
    pulses={"fc1": 12},
    reads={"fc1": 30, "fc2": 0},
    read_vectors={"fc1": 20, "fc2": 0},
    update_slots={"fc1": 90},
    update_vectors={"fc1": 20},
    updates=(10, 10),
    latency_ps=30.0,
    step_per_sample=0.025,
    numerics={"outputs_lost": {"fc1": 0.25}, "trains_full": {"fc1": 0.5, "fc2": 0.0}},
    bytes_sent=64,
    bytes_received=64,
    events=9,
    macs={"forward": 2000, "backward": 1000, "update": 2000},
    macs_per_sample=100,
    peak_buffer_bytes={"node 0": 96},
)


COSTS = Costs(30.0, 10.0, 5.0, peak_tops=3.0, placeholder_share={"energy": 0.25})


def test_values_follow_the_definitions() -> None:
    assert compute_metrics(SEEN, COSTS) == {
        "makespan_ps": 1000,
        "energy_pj": 40.0,
        "leakage_pj": 10.0,
        "power_w": 0.04,
        "area_um2": 5.0,
        "macs_per_sample": 100,
        "macs": {"forward": 2000, "backward": 1000, "update": 2000},
        "tops": 6.0,
        "tops_per_w": 150.0,
        "tops_per_mm2": pytest.approx(1.2e6),
        "energy_per_mac_pj": pytest.approx(40 / 3000),
        "peak_tops": 3.0,
        "peak_buffer_bytes": {"node 0": 96},
        "stage_buffer_bytes": [64, 32],
        "program_ps": None,
        "program_pj": None,
        "placeholder_share": {"energy": 0.25},
        "samples": 20,
        "mini_batches": 5,
        "samples_to_target": None,
        "time_to_target_ps": None,
        "energy_to_target_pj": None,
        "updates_to_target": None,
        "pulses_to_target": None,
        "accuracy": 0.75,
        "test_loss": 1.25,
        "perplexity": 3.5,
        "loss": 0.5,
        "samples_per_s": 2e10,
        "latency_ps": 30.0,
        "time_per_sample_ps": 50.0,
        "energy_per_sample_pj": 2.0,
        "bubble_fraction": pytest.approx(0.3),
        "places": [0, 1],
        "stage_utilisation": [0.8, 0.6],
        "place_utilisation": [0.8, 0.6],
        "staleness": [1.0, 0.0],
        "in_flight_max": [2, 1],
        "stored_max": [3, 3],
        "updates": [10, 10],
        "samples_per_update": 2.0,
        "step_per_sample": 0.025,
        "pulses": {"fc1": 12},
        "bl_mean": {"fc1": 4.5},
        "reads_per_mvm": {"fc1": 1.5},
        **{name: {} for name in NUMERICS},
        "outputs_lost": {"fc1": 0.25},
        "trains_full": {"fc1": 0.5, "fc2": 0.0},
        "utilisation": {"tile": 0.6},
        "idle": {"input": 550, "drained": 50},
        "bytes_sent": 64,
        "bytes_received": 64,
        "events": 9,
    }


def test_each_metric_has_a_definition_and_an_integer_stays_one() -> None:
    values = compute_metrics(SEEN, COSTS)
    assert list(values) == [metric.id for metric in METRICS]
    assert all(metric.definition.endswith(".") for metric in METRICS)
    assert type(values["makespan_ps"]) is int


def test_without_a_clock_times_and_energies_are_missing() -> None:
    seen = replace(
        SEEN, makespan_ps=0, units=(), stages=(), stage_busy_ps=(), place_busy_ps=(), idle_ps={}, tiles=0, nodes=0
    )
    values = compute_metrics(seen, Costs(0.0, 0.0, 0.0))
    missing = {name for name, value in values.items() if value is None}
    assert missing == {
        "samples_to_target",
        "time_to_target_ps",
        "energy_to_target_pj",
        "updates_to_target",
        "pulses_to_target",
        "makespan_ps",
        "area_um2",
        "tops",
        "tops_per_w",
        "tops_per_mm2",
        "energy_per_mac_pj",
        "peak_tops",
        "peak_buffer_bytes",
        "program_ps",
        "program_pj",
        "placeholder_share",
        "utilisation",
        "idle",
        "bytes_sent",
        "bytes_received",
        "events",
        "energy_pj",
        "leakage_pj",
        "power_w",
        "time_per_sample_ps",
        "samples_per_s",
        "latency_ps",
        "energy_per_sample_pj",
        "bubble_fraction",
        "stage_utilisation",
        "place_utilisation",
        "stage_buffer_bytes",
    }
    assert values["macs_per_sample"] == 100
    assert values["accuracy"] == 0.75


def test_a_run_of_no_samples_divides_by_nothing() -> None:
    values = compute_metrics(replace(SEEN, samples=0, mini_batches=0), COSTS)
    assert values["time_per_sample_ps"] is None
    assert values["energy_per_sample_pj"] is None


def test_a_loss_that_is_not_finite_is_missing() -> None:
    for name, value in (("loss", float("nan")), ("test_loss", float("nan")), ("perplexity", float("inf"))):
        assert compute_metrics(replace(SEEN, **{name: value}), COSTS)[name] is None


@pytest.mark.parametrize("energy", [float("nan"), float("inf"), -100.0])
def test_broken_numbers_are_refused(energy: float) -> None:
    with pytest.raises(ValueError, match="energy_pj"):
        compute_metrics(SEEN, Costs(energy, 10.0, 5.0))


def test_places_busier_than_the_makespan_are_refused() -> None:
    with pytest.raises(ValueError, match="bubble_fraction"):
        compute_metrics(replace(SEEN, place_busy_ps=(1100, 1000)), COSTS)


def test_the_bubble_of_stages_that_share_places_is_that_of_the_places() -> None:
    seen = replace(SEEN, stage_busy_ps=(800, 600, 300, 200), places=(0, 1, 1, 0), place_busy_ps=(900, 700))
    values = compute_metrics(seen, COSTS)
    assert values["bubble_fraction"] == pytest.approx(0.2)
    assert values["stage_utilisation"] == [0.8, 0.6, 0.3, 0.2]
    assert values["place_utilisation"] == [0.9, 0.7]
