"""One layer at a time on the same tiles: what is written, how long that takes, and that numbers do not change."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim import InputError, Run
from archsim.simulation import Interrupted

from .experiments import WORKLOADS

DEVICE = {"kind": "soft-bounds", "dw_min": 0.001, "w_max": 0.8, "w_min": -0.8}


def experiment(kind: str = "layer-serial", mode: str = "timing", stages: int = 1, **sections: Any) -> dict[str, Any]:
    """Return 40 samples in micro-batches of ten through 64-64-32-10 on tiles that cut the first two matrices."""
    document: dict[str, Any] = {
        "network": "mlp-64-64-32-10",
        "chip": {"preset": "reram-1024", "device": DEVICE, "tile": {"rows": 64, "columns": 32}, "node_tiles": 2},
        "data": {"samples": 40} if mode == "timing" else {"name": "digits", "test_samples": 40},
        "training": {"learning_rate": 0.1, "mini_batch": 10},
        "schedule": {"kind": kind, "stages": stages},
        "run": {"mode": mode},
    }
    return document | sections


def counted(run: Run, phase: str) -> dict[tuple[str, str, str], int]:
    return {(k.component, k.operation, k.layer): n for k, n in run.observations.counts.items() if k.phase == phase}


def slices(run: Run, component: str) -> list[tuple[str, str, int, int]]:
    table = run.timeline
    table = table[(table.action != "") & table.unit.str.startswith(component)].sort_values("start_ps")
    columns = (table[name].tolist() for name in ("action", "layer", "start_ps", "end_ps"))
    return list(zip(*columns, strict=True))


def test_the_layers_share_the_tiles_of_the_largest() -> None:
    serial, apart = archsim.prepare(experiment()), archsim.prepare(experiment("inference"))
    assert (serial.plan.tiles_used, apart.plan.tiles_used) == (2, 4)
    run = archsim.simulate(experiment())
    assert run.metrics["area_um2"] == pytest.approx(archsim.simulate(experiment("inference")).metrics["area_um2"] / 2)


@pytest.mark.parametrize(
    ("kind", "stages", "told"), [("layer-serial", 3, 1), ("layer-serial", 2, 0), ("inference", 3, 0)]
)
def test_stages_of_one_layer_are_told_that_nothing_is_shared(kind: str, stages: int, told: int) -> None:
    prepared = archsim.prepare(experiment(kind, stages=stages))
    assert sum("lower schedule.stages" in text for text in prepared.warnings) == told
    assert set(prepared.warnings) <= set(archsim.simulate(experiment(kind, stages=stages)).warnings)


def test_every_layer_is_written_before_it_is_read_by_the_rule_of_programming() -> None:
    run = archsim.simulate(experiment())
    on_tile = slices(run, "tile 0")
    assert [step[:2] for step in on_tile] == 4 * [(a, f"fc{n}") for n in (1, 2, 3) for a in "PF"]
    # 64 inputs: |w| up to 1/8, 125 slots of dw_min, 5 trains of at most 31; 512 ns a train, a read of 384 ns.
    # 32 inputs: |w| up to 0.1768, 177 slots, 6 trains.
    written = {
        "fc1": 64 * (5 * 512_000 + 384_000),
        "fc2": 64 * (5 * 512_000 + 384_000),
        "fc3": 32 * (6 * 512_000 + 384_000),
    }
    for action, layer, start, end in on_tile:
        assert action == "F" or end - start == written[layer]
    # Within an action, writes follow the reads before them at once.
    assert all(before[3] == after[2] for before, after in pairwise(on_tile[:6]))
    reads = sum(end - start for action, _, start, end in on_tile if action == "F")
    assert run.metrics["makespan_ps"] >= 4 * sum(written.values()) + reads
    assert run.metrics["makespan_ps"] < (4 * sum(written.values()) + reads) * 1.001


def test_counts_are_those_of_programming_and_of_inference() -> None:
    serial, apart = (
        archsim.simulate(experiment()),
        archsim.simulate(experiment("inference", run={"mode": "timing", "program": True})),
    )
    # Without shared tiles, some are on another node, to which numbers travel.
    assert counted(serial, "F") == {key: count for key, count in counted(apart, "F").items() if key[0] != "link"}
    assert counted(serial, "P") == {key: 4 * count for key, count in counted(apart, "P").items()}
    assert serial.metrics["program_pj"] == pytest.approx(4 * apart.metrics["program_pj"], rel=1e-12)
    assert serial.metrics["macs"] == apart.metrics["macs"]
    assert serial.metrics["program_ps"] is None


def test_a_layer_alone_in_its_stage_is_not_written() -> None:
    serial, apart = (archsim.simulate(experiment(kind, stages=3)) for kind in ("layer-serial", "inference"))
    for name in ("makespan_ps", "energy_pj", "latency_ps"):
        assert serial.metrics[name] == apart.metrics[name]
    mixed = archsim.simulate(experiment(schedule={"kind": "layer-serial", "stages": [["fc1", "fc2"], ["fc3"]]}))
    assert {layer for _, _, layer in counted(mixed, "P")} == {"fc1", "fc2"}


def test_numbers_do_not_change() -> None:
    found = {
        (kind, mode): archsim.simulate(experiment(kind, mode)).metrics["accuracy"]
        for kind, mode in (("layer-serial", "coupled"), ("inference", "coupled"), ("layer-serial", "numerics"))
    }
    assert len(set(found.values())) == 1


def test_a_run_resumed_between_writes_is_the_same_run(tmp_path: Path) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 60

    whole = archsim.simulate(experiment())
    with pytest.raises(Interrupted):
        archsim.simulate(experiment(), workspace=tmp_path, interrupted=stop)
    again = archsim.simulate(experiment(), workspace=tmp_path, resume=True)
    assert again.metrics == whole.metrics
    assert again.timeline.equals(whole.timeline)
    assert again.cost.equals(whole.cost)


@pytest.mark.parametrize(
    ("sections", "field"),
    [
        ({"schedule": {"kind": "layer-serial", "overlap": "layers"}}, "schedule.overlap"),
        ({"schedule": {"kind": "layer-serial", "update": "deferred"}}, "schedule.update"),
        ({"run": {"mode": "timing", "program": True}}, "run.program"),
    ],
)
def test_what_cannot_be_is_refused(sections: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as refused:
        archsim.simulate(experiment(**sections))
    assert refused.value.field == field


def test_a_stage_engine_has_no_time_for_writes_and_says_so() -> None:
    run = archsim.simulate(experiment(chip="unit"))
    assert any("states neither time nor energy" in warning for warning in run.warnings)
    assert run.metrics["program_pj"] is None
    assert not any("states neither" in warning for warning in archsim.simulate(experiment()).warnings)


def test_a_larger_micro_batch_pays_less_for_writes() -> None:
    overrides = ["schedule.kind=layer-serial", "schedule.stages=1", "data.samples=200"]
    small, large = (
        archsim.simulate(
            archsim.load_experiment(WORKLOADS / "mlp_digits.yaml", [*overrides, f"training.mini_batch={n}"], "timing")
        )
        for n in (10, 100)
    )
    assert large.metrics["program_pj"] == pytest.approx(small.metrics["program_pj"] / 10, rel=1e-12)
    assert large.metrics["samples_per_s"] > 5 * small.metrics["samples_per_s"]
