"""Buffers too small for a schedule are refused before anything runs; in those that hold it no run comes to a halt.

Random schedules, in which every stage has an order of its own, and those of all kinds, on tile chips.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import archsim
from archsim import plugins
from tests.random_cases import tried

KINDS = sorted({*plugins.names("archsim.schedules")} - {"file"})
FEATURES = 8


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[list[str]]]:
    """Layers, one in each stage; some with a value that skips stages."""
    count = draw(st.integers(1, 5))
    skips = count > 2 and draw(st.booleans())
    sizes = [FEATURES if skips else draw(st.sampled_from([4, 8, 40])) for _ in range(count)]
    layers = [{"name": f"fc{n}", "kind": "linear", "features": size} for n, size in enumerate(sizes)]
    stages = [[layer["name"]] for layer in layers]
    if skips:
        last = layers.pop()
        inputs = [layers[-1]["name"], f"fc{draw(st.integers(0, count - 3))}"] if count > 3 else ["fc1", "fc0"]
        layers += [{"name": "sum", "kind": "add", "inputs": inputs}, last | {"inputs": ["sum"]}]
        stages[-1].insert(0, "sum")
    return layers, stages


@st.composite
def orders(draw: st.DrawFn, stages: int, count: int) -> str:
    """Rows of stages or of places: actions in a random order in which each finds what it needs."""
    kinds = draw(st.sampled_from(["FBU", "FB", "F"]))
    places = draw(st.integers(1, stages)) if draw(st.booleans()) else None
    left = [(stage, kind, k) for k in range(count) for stage in range(stages) for kind in kinds]
    done: list[tuple[int, str, int]] = []

    def ready(stage: int, kind: str, k: int) -> bool:
        if kind == "F":
            return stage == 0 or (stage - 1, "F", k) in done
        own = (stage, "F" if kind == "B" else "B", k) in done
        return own and (kind == "U" or stage == stages - 1 or (stage + 1, "B", k) in done)

    while left:
        possible = [action for action in left if ready(*action)]
        chosen = possible[draw(st.integers(0, len(possible) - 1))]
        left.remove(chosen)
        done.append(chosen)
    if places is None:
        rows = [[f"{kind}{k}" for at, kind, k in done if at == stage] for stage in range(stages)]
    else:
        rows = [[f"{at}:{kind}{k}" for at, kind, k in done if at % places == place] for place in range(places)]
    return "".join(f"{' '.join(row)}\n" for row in rows)


def document(layers: list[dict[str, Any]], schedule: dict[str, Any], micro_batches: int) -> dict[str, Any]:
    return {
        "network": {"input_shape": [FEATURES], "layers": layers},
        "chip": "reram-1024",
        "data": {"samples": 6 * micro_batches},
        "training": {"learning_rate": 0.1, "mini_batch": 2 * micro_batches},
        "schedule": schedule | {"micro_batches": micro_batches},
        "run": {"mode": "timing"},
    }


def check_bounds(made: dict[str, Any]) -> None:
    """Refuse one byte less than is needed, and run with what is needed."""
    demands: dict[int, int] = defaultdict(int)
    for stage in archsim.prepare(made).memory:
        demands[stage.place] += stage.demand_bytes
    least = max(demands.values())
    with pytest.raises(archsim.DoesNotFit) as found:
        archsim.prepare(made, [f"chip.buffer.capacity={least - 1} B"])
    for said in (f"{least} B", f"{least - 1} B", "buffer of stage", "a larger chip.buffer.capacity"):
        assert said in str(found.value)
    run = archsim.simulate(made, [f"chip.buffer.capacity={least} B"])
    assert max(run.metrics["peak_buffer_bytes"].values()) <= least


@given(
    data=st.data(),
    network=networks(),
    micro_batches=st.integers(1, 4),
    overlap=st.sampled_from(["none", "layers", "stages"]),
    chunk=st.sampled_from([None, 1]),
)
@tried(12)
def test_orders_of_all_sorts(
    tmp_path: Path,
    data: st.DataObject,
    network: tuple[list[dict[str, Any]], list[list[str]]],
    micro_batches: int,
    overlap: str,
    chunk: int | None,
) -> None:
    layers, stages = network
    path = tmp_path / "schedule.txt"
    path.write_text(data.draw(orders(len(stages), micro_batches)))
    schedule = {"kind": "file", "path": str(path), "stages": stages, "overlap": overlap, "chunk_vectors": chunk}
    check_bounds(document(layers, schedule, micro_batches))


@given(
    network=networks(),
    kind=st.sampled_from(KINDS),
    micro_batches=st.integers(1, 6),
    overlap=st.sampled_from(["none", "layers", "stages"]),
    update=st.sampled_from([None, None, "immediate", "deferred"]),
    places=st.integers(1, 5),
)
@tried(16)
def test_kinds(
    network: tuple[list[dict[str, Any]], list[list[str]]],
    kind: str,
    micro_batches: int,
    overlap: str,
    update: str | None,
    places: int,
) -> None:
    layers, stages = network
    known = plugins.load("archsim.schedules", kind)
    assume(kind != "layer-serial" or overlap == "none")
    schedule = {"kind": kind, "stages": stages, "overlap": overlap}
    if update is not None and known.trains and known.default_update != "scheduled":
        schedule["update"] = update
    if known.turns is None and places <= len(stages):
        schedule["places"] = places
    check_bounds(document(layers, schedule, micro_batches))
