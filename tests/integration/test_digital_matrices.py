"""Matrices that digital units hold: trained as exact SGD does on tiles, under all schedules, with costs and bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet, DoesNotFit, InputError
from archsim.cli.planning import plan_record, print_plan
from archsim.digital.affine import Affine
from archsim.network.digital_matrix import DigitalMatrix
from archsim.report.content import facts
from archsim.simulation import prepare_whole

LAYERS: dict[str, tuple[tuple[int, ...], list[dict[str, Any]]]] = {
    "linear": ((6,), [{"kind": "linear", "features": 5}, {"kind": "tanh"}]),
    "conv2d": ((2, 5, 5), [{"kind": "conv2d", "channels": 4, "kernel": 3, "groups": 2}, {"kind": "relu"}]),
    "conv1d": ((3, 8), [{"kind": "conv1d", "channels": 4, "kernel": 3, "stride": 2, "bias": False}, {"kind": "tanh"}]),
    "projections": ((5, 4), [{"kind": "linear", "features": 6}, {"kind": "tanh"}]),
    "lstm": ((5, 4), [{"kind": "lstm", "features": 3, "bidirectional": True}]),
    "gru": ((5, 4), [{"kind": "gru", "features": 3, "output": "last"}]),
}
#: The same for both placements, which take other times.
STAGES = [["op"], ["second", "out"]]


def network(kind: str, placement: str, *, last: str = "analog") -> dict[str, Any]:
    """Return a layer of a kind twice, so that gradients pass through it, and a linear one behind."""
    shape, layers = LAYERS[kind]
    first, *rest = layers
    second = dict(first) if kind != "gru" else {"kind": "linear", "features": 5}
    if kind == "conv2d":
        second |= {"padding": 1}
    made = [
        {"name": "op", "placement": placement} | first,
        *({"name": f"act{k}"} | layer for k, layer in enumerate(rest)),
        {"name": "second", "placement": placement} | second,
        {"name": "flat", "kind": "flatten"},
        {"name": "out", "kind": "linear", "features": 3, "placement": last},
    ]
    return {"input_shape": shape, "layers": made}


def data(shape: tuple[int, ...]) -> DataSet:
    draw = np.random.default_rng(8)
    inputs = draw.normal(size=(60, *shape)).astype(np.float32)
    targets = draw.integers(0, 3, 60)
    return DataSet("random", inputs[:32], targets[:32], inputs[32:], targets[32:], 3)


def document(kind: str, placement: str, order: str = "sequential", **sections: Any) -> dict[str, Any]:
    """Return an experiment of four mini-batches of four micro-batches."""
    made: dict[str, Any] = {
        "network": network(kind, placement),
        "chip": {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}},
        "training": {"algorithm": "digital-sgd", "learning_rate": 0.5, "mini_batch": 8, "max_mini_batches": 4},
        "schedule": {"kind": order, "stages": STAGES, "micro_batches": 4},
        "run": {"seed": 4, "evaluate_every": 3, "mode": "coupled"},
    }
    for name, section in sections.items():
        made[name] = made.get(name, {}) | section
    return made


def trained(what: dict[str, Any], **more: Any) -> archsim.Run:
    return archsim.simulate(what, data=data(tuple(what["network"]["input_shape"])), **more)


def equal(run: archsim.Run, other: archsim.Run, **close: float) -> None:
    assert run.weights.keys() == other.weights.keys()
    for name, array in other.weights.items():
        np.testing.assert_allclose(run.weights[name], array, err_msg=name, **(close or {"rtol": 0, "atol": 0}))


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("schedule", ["sequential", "asynchronous"])
def test_they_are_trained_as_exact_matrices_on_tiles_are(kind: str, schedule: str) -> None:
    """By digital SGD on ideal tiles, whose products come from a library; under delays, too."""
    run, tiles = (trained(document(kind, placement, schedule)) for placement in ("digital", "analog"))
    start = trained(document(kind, "digital", schedule, training={"learning_rate": 1e-30}))
    equal(run, tiles, atol=2e-5)
    moved = [np.abs(run.weights[name] - start.weights[name]).max() for name in run.weights if "." not in name]
    assert min(moved) > 1e-3
    assert run.metrics["staleness"] == tiles.metrics["staleness"]


@pytest.mark.parametrize("kind", ["conv2d", "lstm"])
def test_exact_schedules_agree_to_the_last_bit(kind: str) -> None:
    """With noisy devices beside them, momentum and clipping; with and without a clock, chunks, overlap and threads."""
    more = {
        "chip": {"device": "ecram", "io": {"is_perfect": False}},
        "training": {
            "algorithm": "analog-sgd",
            "digital_optimizer": {"momentum": 0.5, "weight_decay": 0.01},
            "gradient_clipping": {"limit": 0.5},
        },
    }
    first = trained(document(kind, "digital", **more))
    others = [
        document(kind, "digital", "synchronous", **more),
        document(kind, "digital", "gpipe", **more, run={"mode": "numerics"}),
        document(kind, "digital", "synchronous", **more, schedule={"overlap": "stages", "chunk_vectors": 3}),
        document(kind, "digital", "synchronous", **more, run={"threads": 2}),
    ]
    for other in others:
        run = trained(other)
        equal(run, first)
        assert run.learning["train_loss"].tolist() == first.learning["train_loss"].tolist()
    noiseless = trained(document(kind, "digital", training=more["training"]))
    assert not np.array_equal(first.weights["out"], noiseless.weights["out"])


@pytest.mark.parametrize("schedule", ["synchronous", "asynchronous"])
def test_a_run_that_is_taken_up_again_has_the_same_weights(schedule: str, tmp_path: Path) -> None:
    more = {"training": {"digital_optimizer": {"momentum": 0.9}}}
    what = archsim.load_experiment(document("lstm", "digital", schedule, **more))
    left = [200, 517, 10**9]

    def interrupted() -> bool:
        left[0] -= 1
        return left[0] <= 0

    while True:
        try:
            run = archsim.simulation.simulate(
                what, data=data((5, 4)), workspace=tmp_path, resume=True, interrupted=interrupted
            )
            break
        except archsim.simulation.Interrupted:
            left.pop(0)
    assert len(left) == 1
    equal(run, archsim.simulate(what, data=data((5, 4))))


def test_the_plan_has_no_tiles_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    what = archsim.load_experiment(document("conv2d", "digital"), ["data.samples=32", "run.mode=timing"])
    prepared = prepare_whole(what)
    placements = {p.matrix: p for stage in prepared.plan.stages for p in stage.placements}
    assert {name for name, placement in placements.items() if placement.parts} == {"out"}
    assert prepared.plan.tiles_used == 1
    record = plan_record(prepared, None)
    assert [stage["digital_matrices"] for stage in record["stages"]] == [["op.0", "op.1"], ["second.0", "second.1"]]
    print_plan(what, as_json=False)
    told = capsys.readouterr().out
    # Two matrices of 9 x 2, at 3 x 3 positions; the second ones have 2 channels each.
    assert "op (conv2d): its 36 weights are held by the digital unit of node 0, 36 B in its buffer" in told
    # The input of the network takes no gradient, so the first layer makes none.
    assert "multiply-adds a sample: 324 in F, 324 in U" in told
    assert "second (conv2d): its 72 weights" in told
    assert "multiply-adds a sample: 648 in F, 648 in B, 648 in U" in told


def test_a_report_names_their_layers() -> None:
    assert facts(trained(document("linear", "digital")))["matrices in the digital unit"] == "op, second"
    assert "matrices in the digital unit" not in facts(trained(document("linear", "analog")))


def counts_of(run: archsim.Run, layer: str, component: str, operation: str) -> dict[str, int]:
    found = run.cost.query(f"layer == '{layer}' and component == '{component}' and operation == '{operation}'")
    return dict(zip(found["phase"], found["count"].astype(int), strict=True))


@pytest.mark.parametrize("mode", ["timing", "coupled"])
def test_products_and_bytes_are_counted(mode: str) -> None:
    """Matrices of 6 x 5 and 5 x 5, for 32 samples in 16 micro-batches; the second one has a gradient at its input."""
    run = trained(document("linear", "digital", "synchronous", run={"mode": mode}))
    samples, blocks = 32, 16
    for layer, inputs, backward in (("op", 6, 0), ("second", 5, 1)):
        weights = 5 * inputs
        found = counts_of(run, layer, "nmpu", "multiply_add")
        # Products and biases; transposed products and sums for the biases; outer products and steps.
        assert found["F"] == samples * (weights + 5)
        assert found["U"] == samples * weights + blocks * weights
        read, written = (counts_of(run, layer, "buffer", f"{way}_byte") for way in ("read", "write"))
        assert read["F"] == samples * inputs + blocks * weights
        assert read.get("B", 0) == (samples * 5 + blocks * weights) * backward
        assert read["U"] == samples * (inputs + 5) + blocks * weights
        assert written["U"] == blocks * weights
        assert run.cost.query(f"layer == '{layer}' and component in ['dac', 'adc', 'array', 'pulse_driver']").empty
    assert counts_of(run, "second", "nmpu", "multiply_add")["B"] == samples * 25
    macs = 30 + 25 + 15
    assert run.metrics["macs_per_sample"] == macs
    done = {"forward": macs, "backward": macs - 30, "update": macs}
    assert run.metrics["macs"] == {phase: samples * each for phase, each in done.items()}


def test_what_ends_a_mini_batch_is_counted_once_for_each() -> None:
    plain, more = (
        trained(document("linear", "digital", "synchronous", training={"digital_optimizer": optimizer}))
        for optimizer in ({}, {"momentum": 0.9, "weight_decay": 0.1})
    )
    operations = [counts_of(run, "second", "nmpu", "multiply_add")["U"] for run in (plain, more)]
    # For each mini-batch a step, momentum and decay of 25 weights and 5 biases.
    assert operations[1] - operations[0] == 4 * 3 * (25 + 5)
    # Weights, gradient and velocity are read at its end, weights and velocity written.
    for operation, times in (("read_byte", 3), ("write_byte", 2)):
        moved = [counts_of(run, "second", "buffer", operation)["U"] for run in (plain, more)]
        assert moved[1] - moved[0] == 4 * times * 25
    held = [run.metrics["stage_buffer_bytes"] for run in (plain, more)]
    assert [b - a for a, b in zip(*held, strict=True)] == [2 * 30 + 5, 2 * 25 + 8]  # A velocity of each bias, too.


def test_times_of_unit_and_port_are_those_of_their_clocks() -> None:
    """A matrix of 6 x 3 alone: 64 lanes and 3 cycles of 1 ns, a port of 8 bytes in 2 ns, side by side."""
    what = document("linear", "digital", training={"digital_optimizer": {"momentum": 0.5}})
    what["network"]["layers"] = [
        {"name": "out", "kind": "linear", "features": 3, "bias": False, "placement": "digital"}
    ]
    what["schedule"] = {"kind": "sequential", "stages": 1, "micro_batches": 4}
    found = trained(what).timeline.query("layer == 'out' and unit in ['nmpu 0', 'buffer 0']").sort_values("start_ps")

    def slices(action: str, unit: str) -> list[int]:
        here = found[(found["action"] == action) & (found["unit"] == unit)]
        return [int(end - start) for start, end in zip(here["start_ps"], here["end_ps"], strict=True)]

    # F: 2 samples of 18 products, then 3 class scores and the loss; 2 x 6 numbers and 18 weights, then 2 x 3 numbers.
    assert slices("F", "nmpu 0")[::2] == [(3 + 1) * 1000] * 16
    assert slices("F", "buffer 0")[:2] == [4 * 2000, 2000]
    first = found[found["action"] == "F"].head(3)
    assert int(first["start_ps"].iloc[2] - first["start_ps"].iloc[0]) == 4 * 2000
    # U of 4 micro-batches: 8 x 18 outer products, 4 x 18 sums, 2 x 18 for step and momentum.
    assert slices("U", "nmpu 0") == [(3 + 4) * 1000] * 4
    # It reads 8 x 9 numbers, 4 x 18 sums, 3 x 18 weights, gradients and velocities; it writes 4 x 18 and 2 x 18.
    assert sorted(slices("U", "buffer 0")) == [14 * 2000] * 4 + [25 * 2000] * 4


def test_weights_take_space_of_the_buffer() -> None:
    what = document("linear", "digital", chip={"buffer": {"capacity": "1 kB"}}, run={"mode": "timing"})
    memory = {stage.stage: stage for stage in archsim.prepare(what).memory}
    assert [memory[k].held_bytes for k in (0, 1)] == [30, 25]
    whole = max(stage.demand_bytes for stage in memory.values())
    what["chip"]["buffer"]["capacity"] = f"{whole} B"
    fits = trained(what)
    assert max(fits.metrics["stage_buffer_bytes"]) == whole
    what["chip"]["buffer"]["capacity"] = f"{whole - 1} B"
    with pytest.raises(DoesNotFit, match="digital matrices of 30 B"):
        archsim.prepare(what)


def test_an_all_digital_network_needs_no_tile() -> None:
    what = document("linear", "digital", "asynchronous")
    what["network"] = network("linear", "digital", last="digital")
    run = trained(what)
    assert archsim.prepare(what).plan.tiles_used == 0
    assert run.metrics["makespan_ps"] > 0
    assert not run.metrics["pulses"]


@pytest.mark.parametrize("arithmetic", ["float16", "fixed-point"])
def test_products_pass_the_arithmetic_of_the_unit(arithmetic: str) -> None:
    nmpu = {"arithmetic": {"kind": arithmetic}}
    coarse = document("linear", "digital", "synchronous", chip={"nmpu": nmpu, "buffer": {"element_bits": 16}})
    run = trained(coarse)
    other = trained(coarse | {"run": coarse["run"] | {"mode": "numerics"}})
    equal(run, other)
    step = 2.0**-16 if arithmetic == "fixed-point" else None
    weights = run.weights["op"]
    held = np.rint(weights / step) * step if step else weights.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(weights, held)
    exact = trained(document("linear", "digital", "synchronous"))
    assert not np.array_equal(exact.weights["op"], weights)
    np.testing.assert_allclose(weights, exact.weights["op"], atol=0.1)


def test_deployment_leaves_them_as_they_are_trained() -> None:
    times = {"times": [1.0, 1e6], "repeats": 1}
    what = document("linear", "digital", "synchronous")
    what["network"] = network("linear", "digital", last="digital")
    run = trained(what | {"inference": times})
    assert set(run.inference["test_accuracy"]) == {run.metrics["accuracy"]}
    mixed = trained(document("linear", "digital", "synchronous") | {"inference": times})
    assert len(mixed.inference) == 2


def test_given_weights_are_taken(tmp_path: Path) -> None:
    first = trained(document("linear", "digital", "synchronous"))
    np.savez(tmp_path / "weights.npz", **first.weights)
    what = document("linear", "digital", "inference", network={"weights": str(tmp_path / "weights.npz")})
    what["schedule"] = {"kind": "inference", "stages": 2}
    what["training"] = {"learning_rate": 0.5, "mini_batch": 4}
    run = trained(what)
    equal(run, first)
    assert run.metrics["accuracy"] == first.metrics["accuracy"]


def test_layer_serial_writes_tiles_only() -> None:
    what = document("conv1d", "digital", "layer-serial")
    what["network"]["layers"].insert(0, {"name": "before", "kind": "conv1d", "channels": 3, "kernel": 1})
    what["schedule"], what["training"] = {"kind": "layer-serial", "stages": 1}, {"learning_rate": 1, "mini_batch": 4}
    run = trained(what)
    written = run.cost.query("phase == 'P'")["layer"].unique()
    assert sorted(written) == ["before", "out"]


@pytest.mark.parametrize("key", [{"device": "ecram"}, {"algorithm": "tiki-taka"}, {"scaling": {}}])
def test_what_belongs_to_crossbars_is_refused(key: dict[str, Any]) -> None:
    what = document("linear", "digital")
    what["network"]["layers"][0] |= key
    with pytest.raises(InputError, match=f"in the digital unit has no {next(iter(key))}"):
        archsim.load_experiment(what)


def test_numbers_that_are_not_finite_are_refused_as_by_crossbars() -> None:
    matrix = DigitalMatrix((2, 2), Affine(None, None, learn_scale=False))
    matrix.program(np.eye(2, dtype=np.float32))
    good, bad = np.ones((1, 2), np.float32), np.array([[np.inf, 1.0]], np.float32)
    asked: list[Callable[[], object]] = [
        lambda: matrix.forward_part(0, bad, 0),
        lambda: matrix.backward_part(0, bad, 0),
        lambda: matrix.update_part(0, good, bad, 0.1, 0),
        lambda: matrix.evaluate(matrix.snapshot(), bad, 0),
    ]
    for ask in asked:
        with np.errstate(invalid="ignore"), pytest.raises(InputError, match="not finite"):
            ask()
    assert np.array_equal(matrix.weights, np.eye(2))
