"""Stages that hand chunks on while they work: less time, and the same numbers and bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim import DataSet, Run
from archsim.simulation import Interrupted

#: A residual network of images of 2 x 6 x 6, whose sum takes values of the first two stages.
LAYERS: list[dict[str, Any]] = [
    {"name": "conv1", "kind": "conv2d", "channels": 3, "kernel": 3, "padding": 1},
    {"name": "act1", "kind": "tanh"},
    {"name": "conv2", "kind": "conv2d", "channels": 3, "kernel": 3, "padding": 1},
    {"name": "sum", "kind": "add", "inputs": ["act1", "conv2"]},
    {"name": "act2", "kind": "relu"},
    {"name": "flat", "kind": "flatten"},
    {"name": "fc", "kind": "linear", "features": 4},
]
STAGES = [["conv1", "act1"], ["conv2"], ["sum", "act2", "flat", "fc"]]


def images(samples: int) -> DataSet:
    random = np.random.default_rng(5)
    x = random.uniform(-1, 1, (samples, 2, 6, 6)).astype(np.float32)
    return DataSet("uniform", x, random.integers(0, 4, samples), x, random.integers(0, 4, samples), 4)


def document(overlap: str, chunk: int | None = 6, mode: str = "timing", **schedule: Any) -> dict[str, Any]:
    return {
        "network": {"input_shape": [2, 6, 6], "layers": LAYERS},
        "chip": {"preset": "reram-1024", "tile": {"rows": 64, "columns": 64}, "device": {"kind": "soft-bounds"}},
        "data": {"samples": 16},
        "training": {"learning_rate": 0.1, "mini_batch": 8, "max_mini_batches": 2},
        "schedule": {
            "kind": "synchronous",
            "micro_batches": 2,
            "stages": STAGES,
            "overlap": overlap,
            "chunk_vectors": chunk,
            **schedule,
        },
        "run": {"mode": mode},
    }


def made(overlap: str, chunk: int | None = 6, mode: str = "timing", **schedule: Any) -> Run:
    data = None if mode == "timing" else images(16)
    return archsim.simulate(document(overlap, chunk, mode, **schedule), data=data)


def slices(run: Run, unit: str, micro_batch: int, action: str) -> list[tuple[int, int]]:
    table = run.timeline
    table = table[(table.unit == unit) & (table.micro_batch == micro_batch) & (table.action == action)]
    return sorted(zip(table.start_ps.tolist(), table.end_ps.tolist(), strict=True))


@pytest.mark.parametrize("kind", ["asynchronous", "gpipe", "zb-h1"])
def test_numbers_are_the_same_and_time_is_less(kind: str) -> None:
    alone, streamed = (made(overlap, mode="coupled", kind=kind) for overlap in ("none", "stages"))
    assert all((alone.weights[name] == streamed.weights[name]).all() for name in alone.weights)
    for name in ("loss", "staleness", "pulses", "bytes_sent", "macs"):
        assert alone.metrics[name] == streamed.metrics[name]
    assert streamed.metrics["makespan_ps"] < alone.metrics["makespan_ps"]


def test_a_forward_begins_with_the_first_chunk_that_its_window_needs() -> None:
    """A sample is 36 vectors, and a chunk of 36 is one: the next stage reads the first sample while others are read."""
    run = made("stages", 36, kind="inference")
    first, second = slices(run, "tile 0", 0, "F"), slices(run, "tile 1", 0, "F")
    assert len(first) == len(second) == 4
    assert first[0][1] < second[0][0] < first[2][1]
    assert "input from stage 0" in {cause for unit, cause in run.observations.idle_ps if unit == "tile 1"}
    whole = made("layers", 36, kind="inference")
    assert slices(whole, "tile 1", 0, "F")[0][0] > slices(whole, "tile 0", 0, "F")[-1][1]


def test_gradients_stream_within_a_backward() -> None:
    """Chunks of a vector: a sample's gradient leaves the linear layer while those of others are made."""
    for overlap, streams in (("layers", False), ("stages", True)):
        run = made(overlap, 1, micro_batches=1)
        (_, ended), (began, _) = (slices(run, f"stage {stage}", 0, "B")[0] for stage in (2, 1))
        assert (began < ended) == streams


def test_a_block_is_handed_on_at_once_where_it_is_one_chunk() -> None:
    """Nothing to stream: only what is made before the end of an action leaves earlier."""
    alone, streamed = made("layers", None, kind="inference"), made("stages", None, kind="inference")
    assert len(slices(streamed, "tile 1", 0, "F")) == 1
    assert slices(streamed, "tile 1", 0, "F") == slices(alone, "tile 1", 0, "F")


def test_what_needs_a_block_is_a_barrier() -> None:
    """Batch normalisation over a micro-batch waits for all of it; with running averages chunks pass."""
    for kind, waits in (("gpipe", True), ("inference", False)):
        wanted = document("stages", 6, kind=kind)
        wanted["network"]["layers"] = [LAYERS[0], {"name": "act1", "kind": "batch-norm"}, *LAYERS[2:]]
        run = archsim.simulate(wanted)
        first, second = slices(run, "tile 0", 0, "F"), slices(run, "tile 1", 0, "F")
        assert (second[0][0] > first[-1][1]) == waits


def test_throughput_and_latency_of_streamed_inference() -> None:
    alone, streamed = (made(overlap, 6, kind="inference", micro_batches=1).metrics for overlap in ("layers", "stages"))
    assert streamed["latency_ps"] < alone["latency_ps"]
    assert streamed["samples_per_s"] > alone["samples_per_s"]
    assert streamed["tops_per_w"] >= alone["tops_per_w"]
    assert streamed["loss"] is None


@given(st.none() | st.integers(1, 80), st.sampled_from(["none", "layers", "stages"]), st.sampled_from(["mesh", "bus"]))
@settings(max_examples=8, deadline=None)
def test_bytes_on_links_are_the_same_however_they_are_cut(chunk: int | None, overlap: str, links: str) -> None:
    def on_links(run: Run) -> dict[tuple[str, str], int]:
        assert run.metrics["bytes_sent"] == run.metrics["bytes_received"]
        return {(k.phase, k.layer): n for k, n in run.observations.counts.items() if k.component == "link"}

    found = []
    for each, size in (("none", None), (overlap, chunk)):
        wanted = document(each, size)
        wanted["chip"]["interconnect"] = {"kind": links}
        # The first convolution has several parts, some of them on other nodes.
        wanted["chip"]["tile"] = {"rows": 10, "columns": 64}
        found.append(on_links(archsim.simulate(wanted)))
    assert found[0] == found[1]
    assert {"conv1", "act1", "conv2"} <= {layer for _, layer in found[0]}


def test_space_is_held_until_all_chunks_have_left() -> None:
    """A buffer for one micro-batch a stage suffices, and at the end nothing is claimed."""
    wanted = document("stages", 6, kind="inference")
    large = archsim.simulate(wanted)
    needed = max(stage.micro_batch_bytes for stage in archsim.prepare(wanted).memory)
    wanted["chip"]["buffer"] = {"capacity": f"{needed} B"}
    small = archsim.simulate(wanted)
    assert small.metrics["makespan_ps"] >= large.metrics["makespan_ps"]
    assert max(small.metrics["stage_buffer_bytes"]) <= needed


def test_a_run_resumed_with_chunks_under_way_is_the_same_run(tmp_path: Path) -> None:
    calls = 0

    def stop() -> bool:
        nonlocal calls
        calls += 1
        return calls > 500

    wanted, data = document("stages", mode="coupled"), images(16)
    whole = archsim.simulate(wanted, data=data)
    with pytest.raises(Interrupted):
        archsim.simulate(wanted, data=data, workspace=tmp_path, interrupted=stop)
    again = archsim.simulate(wanted, data=data, workspace=tmp_path, resume=True)
    assert again.metrics == whole.metrics
    assert again.timeline.equals(whole.timeline)
    assert all((again.weights[name] == whole.weights[name]).all() for name in whole.weights)


def test_an_abstract_stage_does_whole_actions() -> None:
    runs = [
        archsim.simulate("pipeline_unit", [f"schedule.overlap={overlap}", "schedule.stages=2"], mode="timing").metrics
        for overlap in ("none", "stages")
    ]
    assert runs[0]["makespan_ps"] == runs[1]["makespan_ps"]
