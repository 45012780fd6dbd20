"""Layers that do their parts of several actions at a time: the same numbers, and most often less time."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim import Run

from .experiments import digits

LAYERS = (
    "network={input_shape: [64], layers: [{name: a, kind: linear, features: 24}, {name: a2, kind: tanh}, "
    "{name: b, kind: linear, features: 20}, {name: b2, kind: relu}, {name: c, kind: linear, features: 16}, "
    "{name: c2, kind: tanh}, {name: d, kind: linear, features: 10}]}",
    "chip.tile.rows=24",
    "chip.tile.columns=24",
)


def chain(times: list[list[int]], digital: list[list[int]], overlap: str) -> dict[str, Any]:
    """Return two micro-batches through stages of layers that take such times, in nanoseconds, and nothing else does.

    A layer of n outputs is read in n ns; nine of the digital unit's operations take 1 ns, and functions of the
    outputs are added until it works for as long as it should.
    """
    layers: list[dict[str, Any]] = []
    stages: list[list[str]] = []
    for s, (reads, jobs) in enumerate(zip(times, digital, strict=True)):
        stages.append([])
        for number, (read, job) in enumerate(zip(reads, jobs, strict=True)):
            names = [f"fc{s}{number}", *(f"f{s}{number}x{i}" for i in range(9 * job // read - 1))]
            layers += [
                {"name": name, "kind": "tanh" if name[1] != "c" else "linear"}
                | ({"features": read} if name[1] == "c" else {})
                for name in names
            ]
            stages[-1] += names
    fast = {"clock": "1 THz", "bytes_per_cycle": 1024}
    no_steps = {"step_time": "0 ns", "bits": 8}
    return {
        "network": {"input_shape": [4], "layers": layers, "loss": "mean-squared-error"},
        "chip": {
            "preset": "reram-1024",
            "tile": {"rows": 64, "columns": 64, "integration_time": "0 ns"},
            "node_tiles": 4,
            "dac": {**no_steps, "fixed_time": "0 ns"},
            "adc": {**no_steps, "fixed_time": "1 ns", "per_tile": 1},
            "nmpu": {"clock": "1 GHz", "lanes": 9, "pipeline_cycles": 0},
            "buffer": fast,
            "interconnect": {**fast, "hop_cycles": 0},
            "host": {**fast, "latency_cycles": 0, "prefetch": 2},
        },
        "data": {"samples": 2},
        "schedule": {"kind": "inference", "stages": stages, "overlap": overlap},
        "run": {"mode": "timing"},
    }


@pytest.mark.parametrize(("overlap", "nanoseconds"), [("none", 96), ("layers", 99)])
def test_first_come_first_served_can_lose_by_overlap(overlap: str, nanoseconds: int) -> None:
    """The digital unit serves the first layer of the second micro-batch, and the first one's second layer waits."""
    run = archsim.simulate(chain([[8, 9], [6, 6]], [[10, 1], [2, 20]], overlap))
    # What the host and the link take is a few picoseconds.
    assert round(run.metrics["makespan_ps"] / 1000) == nanoseconds


def same_numbers(one: Run, other: Run) -> bool:
    columns = ["mini_batch", "train_loss", "test_accuracy"]
    weights = all((one.weights[name] == other.weights[name]).all() for name in one.weights)
    return weights and one.learning[columns].equals(other.learning[columns])


@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "asynchronous"])
@pytest.mark.parametrize("stages", [1, 2])
def test_numbers_are_the_same(kind: str, stages: int) -> None:
    settings = (*LAYERS, f"schedule.kind={kind}", f"schedule.stages={stages}", "schedule.micro_batches=2")
    settings = (*settings, "run.evaluate_every=1", "training.max_mini_batches=6")
    alone = digits(*settings)
    for streamed in ("schedule.overlap=layers", "schedule.chunk_vectors=1"):
        run = digits(*settings, streamed)
        assert same_numbers(alone, run)
        for name in ("staleness", "samples"):
            assert run.metrics[name] == alone.metrics[name]
    overlap = "layers" if stages == 1 else "stages"
    both = digits(
        *settings, f"schedule.overlap={overlap}", "schedule.chunk_vectors=2", "chip.tile.double_buffered=true"
    )
    assert same_numbers(alone, both)
    assert both.metrics["makespan_ps"] < alone.metrics["makespan_ps"]


@pytest.mark.parametrize(
    ("kind", "update"),
    [
        ("zb-h1", "scheduled"),
        *((kind, update) for kind in ("synchronous", "gpipe", "asynchronous") for update in ("immediate", "deferred")),
    ],
)
def test_staleness_is_the_same(kind: str, update: str) -> None:
    """Every tile is read and updated in the same order, so what is read has seen as many updates."""
    settings = [f"schedule.kind={kind}", f"schedule.update={update}", "schedule.stages=2", "schedule.micro_batches=4"]
    settings += ["training.mini_batch=12", "training.max_mini_batches=4"]
    alone, overlapped, streamed = (
        archsim.simulate(
            "mlp_digits", [*settings, f"schedule.overlap={overlap}", "schedule.chunk_vectors=1"], mode="timing"
        ).metrics
        for overlap in ("none", "layers", "stages")
    )
    for each in (overlapped, streamed):
        assert (alone["staleness"], alone["updates"]) == (each["staleness"], each["updates"])
    assert streamed["makespan_ps"] < overlapped["makespan_ps"] < alone["makespan_ps"]


def test_updates_of_different_layers_go_side_by_side() -> None:
    settings = (*LAYERS, "schedule.stages=1", "schedule.kind=sequential")
    alone, overlapped = (digits(*settings, f"schedule.overlap={overlap}") for overlap in ("none", "layers"))

    def together(run: Run) -> bool:
        table = run.timeline
        updates = table[(table.action == "U") & table.unit.str.startswith("tile")].sort_values("start_ps")
        starts, ends, layers = updates.start_ps.to_numpy(), updates.end_ps.to_numpy(), updates.layer.to_numpy()
        return bool(((starts[1:] < ends[:-1]) & (layers[1:] != layers[:-1])).any())

    assert not together(alone)
    assert together(overlapped)


def test_idle_causes_add_up_and_a_stage_is_one_series_of_slices() -> None:
    run = digits(*LAYERS, "schedule.stages=2", "schedule.overlap=layers", "schedule.chunk_vectors=1")
    table, makespan = run.timeline, run.metrics["makespan_ps"]
    assert ((table.end_ps - table.start_ps).groupby(table.unit, observed=True).sum() == makespan).all()
    assert any("earlier work of" in cause for _, cause in run.observations.idle_ps)
    for _, rows in table.groupby("unit", observed=True):
        ordered = rows.sort_values(["start_ps", "end_ps"])
        assert (ordered.start_ps.to_numpy()[1:] == ordered.end_ps.to_numpy()[:-1]).all()
    assert 0 <= run.metrics["bubble_fraction"] < 1


@st.composite
def hardly_sharing(draw: st.DrawFn) -> dict[str, Any]:
    """A chip whose layers have tiles of their own; what they share takes a picosecond for whatever it is asked."""
    numbers = Random(draw(st.integers(0, 2**32)))
    sizes = [numbers.randrange(3, 30) for _ in range(draw(st.integers(2, 6)) + 1)]
    layers: list[dict[str, Any]] = []
    stages: list[list[str]] = []
    for i, size in enumerate(sizes[1:]):
        if not stages or draw(st.integers(0, 2)) == 0:
            stages.append([])
        stages[-1] += [f"act{i}", f"fc{i}"]
        layers += [{"name": f"act{i}", "kind": "tanh"}, {"name": f"fc{i}", "kind": "linear", "features": size}]
    return {
        "network": {"input_shape": [sizes[0]], "layers": layers, "loss": "mean-squared-error"},
        "chip": {
            "preset": "reram-1024",
            "node_tiles": 8,
            "tile": {"rows": 32, "columns": 32, "update_fixed_time": f"{numbers.randrange(900)} ns"},
            "adc": {"per_tile": numbers.randrange(1, 5)},
            "nmpu": {"clock": "1 THz", "lanes": 4096, "pipeline_cycles": 0},
            "buffer": {"clock": "1 THz", "bytes_per_cycle": 4096, "capacity": None},
            "interconnect": {"clock": f"{numbers.randrange(5, 400)} MHz", "bytes_per_cycle": 1},
        },
        "data": {"samples": 24},
        "training": {"learning_rate": 0.1, "mini_batch": 6, "max_mini_batches": 4},
        "schedule": {
            "kind": draw(st.sampled_from(["sequential", "gpipe", "synchronous", "asynchronous"])),
            "micro_batches": draw(st.sampled_from([1, 2, 3])),
            "stages": stages,
        },
        "run": {"mode": "timing"},
    }


@given(hardly_sharing())
@settings(max_examples=25, deadline=None)
def test_where_nothing_is_shared_overlap_never_takes_longer(document: dict[str, Any]) -> None:
    runs = []
    for overlap in ("none", "layers"):
        document["schedule"]["overlap"] = overlap
        runs.append(archsim.simulate(document))
    table = runs[1].timeline
    shared = table[(table.action != "") & table.unit.str.contains("nmpu|buffer")]
    waits = int((shared.end_ps - shared.start_ps).sum())
    assert runs[1].metrics["makespan_ps"] <= runs[0].metrics["makespan_ps"] + waits
    assert waits < runs[0].metrics["makespan_ps"] / 500
