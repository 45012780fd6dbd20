"""Histograms of staleness: in every mode the same, that of the closed form, and what the arrays of each layer saw."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim import DataSet, Run
from archsim.network.matrix import AnalogMatrix

from .experiments import chain, digits


def histogram(run: Run, stage: int, until: str) -> dict[int, int]:
    """Return micro-batches by updates of the first layer of a stage."""
    rows = run.staleness[(run.staleness["stage"] == stage) & (run.staleness["until"] == until)]
    first = rows[rows["layer"] == rows["layer"].iloc[0]]
    return dict(zip(first["updates"].tolist(), first["micro_batches"].tolist(), strict=True))


def trained_chain(stages: int, total: int, mode: str) -> Run:
    """Train scalar layers, one a stage, asynchronously on the unit chip."""
    layers = [
        {"name": f"layer{i}", "kind": "linear", "features": 1, "bias": False, "initial_value": 1.0}
        for i in range(stages)
    ]
    ones = np.ones((total, 1), np.float32)
    data = DataSet("ones", ones, 0.5 * ones, ones[:1], ones[:1])
    document = chain(layers, training={"learning_rate": 1e-3, "mini_batch": 1}, run={"mode": mode})
    if mode == "timing":
        return archsim.simulate(document | {"data": {"samples": total}})
    return archsim.simulate(document, data=data)


def assert_closed_form(run: Run, stages: int, total: int) -> None:
    """A stage of final delay d over K >= d micro-batches is late by d - d (d + 1) / (2 K) on average, exactly."""
    for stage in range(stages):
        d = stages - 1 - stage
        mean = run.metrics["staleness"][stage]
        assert mean == float(d - Fraction(d * (d + 1), 2 * total))  # The nearest number to the exact one.
        for until in ("backward", "update"):  # U follows its B at once.
            found = histogram(run, stage, until)
            assert found == dict.fromkeys(range(d), 1) | ({d: total - d} if total > d else {})
            assert sum(late * count for late, count in found.items()) / sum(found.values()) == mean


shapes = st.integers(1, 8).flatmap(lambda stages: st.tuples(st.just(stages), st.integers(max(stages - 1, 1), 64)))


@pytest.mark.parametrize("mode", ["timing", "numerics", "coupled"])
@settings(max_examples=12)
@given(shape=shapes)
def test_the_closed_form(mode: str, shape: tuple[int, int]) -> None:
    assert_closed_form(trained_chain(*shape, mode), *shape)


@pytest.mark.parametrize("mode", ["timing", "numerics", "coupled"])
def test_four_stages_and_64_micro_batches(mode: str) -> None:
    run = trained_chain(4, 64, mode)
    assert run.metrics["staleness"] == [2.90625, 1.953125, 0.984375, 0.0]


SHORT = (
    "training.max_mini_batches=3",
    "run.evaluate_every=3",
    "schedule.micro_batches=4",
    "schedule.stages=[[fc1, fc2], [fc3]]",
    "chip=reram-1024",
)


@pytest.mark.parametrize("kind", ["asynchronous", "zb-h1", "hybrid", "synchronous"])
@pytest.mark.parametrize("overlap", ["none", "layers"])
def test_it_is_what_the_arrays_of_each_layer_saw(kind: str, overlap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted by the calls of arrays: updates of a layer between the reads, and the update, of a micro-batch."""
    seen: dict[int, list[tuple[str, int]]] = defaultdict(list)
    owner: dict[int, AnalogMatrix] = {}

    def watched(name: str, symbol: str) -> None:
        call = getattr(AnalogMatrix, name)

        def watch(self: AnalogMatrix, part: int, x: Any, *rest: Any) -> Any:
            if part == 0:
                owner[id(self)] = self
                seen[id(self)].append((symbol, rest[2] if symbol == "U" else rest[0]))
            return call(self, part, x, *rest)

        monkeypatch.setattr(AnalogMatrix, name, watch)

    for name, symbol in (("forward_part", "F"), ("backward_part", "B"), ("update_part", "U")):
        watched(name, symbol)
    extra = ("schedule.asynchronous_mini_batches=1",) if kind == "hybrid" else ()
    run = digits(*SHORT, f"schedule.kind={kind}", f"schedule.overlap={overlap}", *extra)
    sizes = {len(run.weights[layer]): layer for layer in ("fc1", "fc2", "fc3")}
    assert len(sizes) == len(seen) == 3
    size = 3  # samples of a micro-batch
    together = run.settings["schedule"]["micro_batches"]
    for number, calls in seen.items():
        layer = sizes[owner[number].outputs]
        met: dict[int, int] = {}
        counts: dict[str, Counter[int]] = {"backward": Counter(), "update": Counter()}
        done = 0
        for symbol, first in calls:
            if symbol == "F":
                met[first] = done
            elif symbol == "B":
                counts["backward"][done - met[first]] += 1
            else:
                # Where a U applies a mini-batch, the update is one, however many blocks the array takes.
                joint = kind == "synchronous" or (kind == "hybrid" and first >= together * size)
                counts["update"][done - met[first]] += 1
                done += not joint or (first // size + 1) % together == 0
        table = run.staleness[run.staleness["layer"] == layer]
        for until, found in counts.items():
            if found:  # The transposed read of the first layer is left out.
                rows = table[table["until"] == until]
                assert dict(zip(rows["updates"], rows["micro_batches"], strict=True)) == found
            else:
                assert layer == "fc1"


@pytest.mark.parametrize("mode", ["timing", "numerics", "coupled"])
def test_it_is_saved_and_the_same_in_every_mode(mode: str, tmp_path: Path) -> None:
    run = digits(*SHORT, "schedule.kind=zb-h1", mode=mode)
    assert run.staleness.to_dict("list") == digits(*SHORT, "schedule.kind=zb-h1").staleness.to_dict("list")
    run.save(tmp_path / "run")
    assert archsim.load_run(tmp_path / "run") == run
    written = pd.read_csv(tmp_path / "run" / "staleness.csv")
    assert written.to_dict("list") == run.staleness.to_dict("list")
    assert list(dict.fromkeys(zip(written["stage"], written["layer"], strict=True))) == [
        (0, "fc1"),
        (0, "fc2"),
        (1, "fc3"),
    ]
    total = run.metrics["mini_batches"] * 4
    sums = run.staleness.groupby(["layer", "until"])["micro_batches"].sum()
    assert (sums == total).all()


def test_a_forward_only_run_has_none(tmp_path: Path) -> None:
    run = digits("schedule={kind: inference, stages: 3}", mode="timing")
    assert run.staleness.empty
    run.save(tmp_path / "run")
    assert not (tmp_path / "run" / "staleness.csv").exists()
    assert archsim.load_run(tmp_path / "run") == run


def test_it_grows_with_depth_not_with_the_run() -> None:
    short, long = (trained_chain(4, total, "timing").staleness for total in (16, 640))
    assert len(short) == len(long) == 2 * (4 + 3 + 2 + 1)
