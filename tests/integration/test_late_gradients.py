"""Every schedule with late gradients: coupled runs against arrays driven by hand, and against plain NumPy.

And what runs measure of the weights that forward and backward meet, against the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import archsim
from archsim import Run
from archsim.errors import InputError
from archsim.simulation import Interrupted

from .delayed_perceptron import (
    PROGRAMMED,
    STAGES,
    TOTAL,
    TWO_VERSION,
    WITHOUT_FORMULA,
    Late,
    by_hand,
    counted,
    document,
    in_numpy,
    samples,
    schedules,
)
from .experiments import digits

#: Noisy converters and pulses of ReRAM on the one hand, products in float32 on the other.
NOISY = {"preset": "reram-1024", "node_tiles": 4}
IDEAL = {"preset": "unit", "device": "ideal", "io": {"is_perfect": True}}
LATE = pytest.mark.parametrize("late", schedules(), ids=lambda late: late.name)


def trained(late: Late, chip: Any, mode: str, **run: Any) -> Run:
    return archsim.simulate(document(late, chip, **run), mode=mode, data=samples())


@LATE
def test_formulas_are_what_lists_of_actions_say(late: Late) -> None:
    if late.schedule["kind"] not in WITHOUT_FORMULA:
        for stage in range(STAGES):
            assert late.versions(stage) == counted(late, stage)


@pytest.mark.parametrize("late", [*schedules(), TWO_VERSION, PROGRAMMED], ids=lambda late: late.name)
def test_runs_equal_arrays_that_are_driven_in_that_order(late: Late) -> None:
    """Bit for bit, with the noise of converters and devices, and where weights are copied, with that of programming."""
    expected = by_hand(late, NOISY)
    for mode in ("numerics", "coupled"):
        run = trained(late, NOISY, mode)
        for name, weights in expected.items():
            np.testing.assert_array_equal(run.weights[name], weights, err_msg=f"{name}, {mode}")
    prompt = trained(Late({"kind": "sequential", "update": "immediate"}), NOISY, "coupled")
    assert any((prompt.weights[name] != weights).any() for name, weights in expected.items())


@pytest.mark.parametrize("late", [*schedules(), TWO_VERSION], ids=lambda late: late.name)
def test_runs_are_gradient_descent_with_late_gradients(late: Late) -> None:
    """On ideal devices to 1e-5 of plain NumPy in float64, and so are the measured discrepancies."""
    versions = in_numpy(late, IDEAL)
    run = trained(late, IDEAL, "coupled", discrepancy_every=1)
    for stage, weights in enumerate(versions):
        np.testing.assert_allclose(run.weights[f"layer{stage}"], weights[-1], rtol=0, atol=1e-5)
        moved = np.abs(weights[-1] - weights[0]).max()
        assert moved > 0.01  # There is something to be late by.
    table = run.discrepancy
    assert list(dict.fromkeys(table["matrix"])) == [f"layer{stage}" for stage in range(1, STAGES)]
    for stage in range(1, STAGES):  # That of the first layer is not read transposed.
        seen = late.versions(stage)
        rows = table[table["matrix"] == f"layer{stage}"].sort_values("micro_batch")
        assert rows["micro_batch"].tolist() == list(range(TOTAL))
        met = [versions[stage][seen[k].forward] for k in range(TOTAL)]
        back = [versions[stage][seen[k].forward if late.stashes else seen[k].backward] for k in range(TOTAL)]
        norms = [float(np.linalg.norm(b - f)) for b, f in zip(back, met, strict=True)]
        np.testing.assert_allclose(rows["discrepancy"], norms, rtol=0, atol=1e-5)
        np.testing.assert_allclose(rows["relative"], np.divide(norms, [*map(np.linalg.norm, met)]), rtol=0, atol=1e-5)
        # Where no update lies between the two, and with copies, it is zero, not nearly so.
        exact = [k for k in range(TOTAL) if late.stashes or seen[k].forward == seen[k].backward]
        assert (rows["discrepancy"].to_numpy()[exact] == 0).all()
        assert late.stashes or len(exact) == TOTAL or max(norms) > 1e-3
        for metric, column in (("weight_discrepancy", "discrepancy"), ("relative_weight_discrepancy", "relative")):
            assert run.metrics[metric][f"layer{stage}"] == pytest.approx(rows[column].mean(), rel=1e-12, abs=0)
            assert run.metrics[f"{metric}_max"][f"layer{stage}"] == rows[column].max()


def test_measuring_changes_nothing_and_is_the_same_in_every_mode() -> None:
    late = schedules()[0]
    plain, measured = trained(late, NOISY, "coupled"), trained(late, NOISY, "coupled", discrepancy_every=3)
    untimed = trained(late, NOISY, "numerics", discrepancy_every=3)
    own = {name for name in measured.metrics if "weight_discrepancy" in name}
    assert len(own) == 4
    for name, value in plain.metrics.items():
        assert measured.metrics[name] == value or (name in own and value == {})
    for name, weights in plain.weights.items():
        np.testing.assert_array_equal(weights, measured.weights[name])
    assert plain.learning.equals(measured.learning)
    assert plain.discrepancy.empty
    assert set(measured.discrepancy["micro_batch"]) == set(range(0, TOTAL, 3))
    assert measured.discrepancy.equals(untimed.discrepancy)


def test_it_survives_interruptions_and_files(tmp_path: Path) -> None:
    """Stopped with micro-batches under way, a run goes on with what their forwards met."""
    late = schedules()[0]
    straight = trained(late, NOISY, "coupled", discrepancy_every=1)
    what, done = document(late, NOISY, discrepancy_every=1), 0
    for stop in (60, 150, 280):
        calls = iter(range(10**9))
        with pytest.raises(Interrupted):
            archsim.simulate(
                what,
                data=samples(),
                workspace=tmp_path / "work",
                resume=True,
                interrupted=lambda calls=calls, stop=stop: next(calls) > stop,
            )
        done += 1
    run = archsim.simulate(what, data=samples(), workspace=tmp_path / "work", resume=True)
    assert done == 3
    assert run.discrepancy.equals(straight.discrepancy)
    assert run.staleness.equals(straight.staleness)
    assert run.metrics == straight.metrics
    run.save(tmp_path / "run")
    assert archsim.load_run(tmp_path / "run") == run
    assert len(pd.read_csv(tmp_path / "run" / "discrepancy.csv")) == len(run.discrepancy)


def test_parts_of_a_matrix_and_threads_make_one_norm() -> None:
    """A matrix on a grid of tiles has the norm of the whole, whichever part is read first, and by threads."""
    late = ("schedule.kind=asynchronous", "schedule.stages=3", "training.max_mini_batches=4", "run.discrepancy_every=2")
    small = ("chip=reram-1024", "chip.tile.rows=24", "chip.tile.columns=24", "chip.node_tiles=9", *late)
    one, two = digits(*small), digits(*small, "run.threads=2")
    assert one.discrepancy.equals(two.discrepancy)
    assert one.metrics["weight_discrepancy"]["fc2"] > 0


def test_series_are_thinned_and_means_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    late = schedules()[0]
    whole = trained(late, IDEAL, "numerics", discrepancy_every=1)
    monkeypatch.setattr("archsim.engine.numerics.discrepancy._MOST_POINTS", 5)
    thinned = trained(late, IDEAL, "numerics", discrepancy_every=1)
    assert thinned.metrics == whole.metrics
    kept = thinned.discrepancy[thinned.discrepancy["matrix"] == "layer1"]
    assert kept["micro_batch"].tolist() == list(range(0, TOTAL, 8))
    both = whole.discrepancy.merge(kept)
    assert len(both) == len(kept)


def test_scales_behind_a_matrix_belong_to_its_weights() -> None:
    """With a matrix that is not trained, what changes is its learned scale: dW = (s_B - s_F) W."""
    layers = (
        "network={input_shape: [64], layers: [{name: a, kind: linear, features: 8}, {name: r, kind: relu}, {name: b,"
        " kind: linear, features: 8, scaling: {learn_out_scaling: true}}, {name: c, kind: linear, features: 10}]}"
    )
    run = digits(layers, "schedule.stages=[[a, r, b], [c]]", "training.max_mini_batches=3", "run.discrepancy_every=1")
    assert run.metrics["weight_discrepancy"]["b"] > 0


@pytest.mark.parametrize(
    ("overrides", "mode", "said"),
    [
        ((), "timing", "a timing run computes no weights"),
        (("schedule={kind: inference, stages: 3}",), "numerics", "has no backward"),
    ],
)
def test_what_cannot_be_measured_is_refused(overrides: tuple[str, ...], mode: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        digits("run.discrepancy_every=1", *overrides, mode=mode)
    assert refused.value.field == "run.discrepancy_every"
