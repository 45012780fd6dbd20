"""Two versions of weights on two sets of crossbars: what is learned, what copies leave, and what they take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import archsim
from archsim import DataSet, Run
from archsim.cli.app import app
from archsim.errors import InputError
from archsim.network.matrix import AnalogMatrix
from archsim.simulation import Interrupted

from .experiments import digits

TWO = ("schedule.kind=two-version", "schedule.stages=3", "schedule.micro_batches=4", "training.max_mini_batches=6")
Arrays = dict[str, NDArray[np.float64]]
SIZES = (6, 5, 4, 3)


def assert_equal_weights(one: Run, other: Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], name)


# What is learned


def gradients(held: Arrays, x: NDArray[np.float64], y: NDArray[np.float64]) -> Arrays:
    """Return the gradient of the mean squared error of a perceptron with tanh, averaged over samples."""
    inputs, a = [], x
    for layer in range(3):
        inputs.append(a)
        z = a @ held[f"l{layer}"].T + held[f"l{layer}.bias"]
        a = z if layer == 2 else np.tanh(z)
    d, found = 2 * (a - y) / y.size, {}
    for layer in (2, 1, 0):
        found |= {f"l{layer}": d.T @ inputs[layer], f"l{layer}.bias": d.sum(axis=0)}
        d = (d @ held[f"l{layer}"]) * (1 - inputs[layer] ** 2)
    return found


def perceptron(weights: Path, mini_batches: int, micro_batches: int, stages: int) -> dict[str, Any]:
    layers: list[dict[str, Any]] = []
    for layer, features in enumerate(SIZES[1:]):
        layers.append({"name": f"l{layer}", "kind": "linear", "features": features})
        layers += [] if layer == 2 else [{"name": f"a{layer}", "kind": "tanh"}]
    return {
        "network": {
            "input_shape": [SIZES[0]],
            "layers": layers,
            "loss": "mean-squared-error",
            "weights": str(weights),
        },
        "chip": {"preset": "unit", "device": "ideal", "io": {"is_perfect": True}},
        "training": {"learning_rate": 0.3, "mini_batch": 8, "max_mini_batches": mini_batches, "epochs": mini_batches},
        "schedule": {"kind": "two-version", "copies": "exact", "stages": stages, "micro_batches": micro_batches},
    }


@pytest.mark.parametrize(("micro_batches", "stages"), [(1, 3), (2, 3), (4, 2), (8, 1)])
def test_weights_follow_the_rule(micro_batches: int, stages: int, tmp_path: Path) -> None:
    """W(t + 1) = W(t) - lr grad f(W(t - 1)), however many stages and micro-batches there are."""
    random, mini_batches = np.random.default_rng(3), 11
    x, y = random.normal(size=(8, 6)), random.normal(size=(8, 3))
    begin = {f"l{i}": random.normal(0, 0.4, (SIZES[i + 1], SIZES[i])) for i in range(3)}
    begin |= {f"l{i}.bias": random.normal(0, 0.1, SIZES[i + 1]) for i in range(3)}
    np.savez(tmp_path / "begin.npz", **{name: array.astype(np.float32) for name, array in begin.items()})
    x32, y32 = x.astype(np.float32), y.astype(np.float32)
    data = DataSet("eight", x32, y32, x32[:1], y32[:1])
    document = perceptron(tmp_path / "begin.npz", mini_batches, micro_batches, stages)
    run = archsim.simulate(document, data=data)
    before = now = begin
    for _ in range(mini_batches):
        slope = gradients(before, x, y)
        before, now = now, {name: now[name] - 0.3 * slope[name] for name in now}
    for name, array in now.items():
        np.testing.assert_allclose(run.weights[name], array, atol=1e-5, err_msg=name)
        assert np.abs(array - begin[name]).max() > 1e-2
    document["run"] = {"mode": "numerics"}
    assert_equal_weights(archsim.simulate(document, data=data), run)


#: A residual branch with batch norm, learned scales and a digital matrix: all that digital units hold.
DIGITAL = (
    "network={input_shape: [64], layers: [{name: a, kind: linear, features: 12, scaling: {learn_out_scaling: true}},"
    " {name: n, kind: layer-norm}, {name: r, kind: relu}, {name: b, kind: linear, features: 12},"
    " {name: s, kind: add, inputs: [b, r]}, {name: d, kind: linear, features: 10, placement: digital}]}"
)


@pytest.mark.parametrize(
    "overrides",
    [
        ("schedule.copies=exact",),
        (),
        ("training.algorithm={kind: tiki-taka, transfer_every: 12}", "schedule.transfers=separate"),
        ("training.algorithm=mixed-precision", "schedule.overlap=layers"),
        (DIGITAL, "training.digital_optimizer={momentum: 0.5}", "schedule.overlap=stages", "schedule.chunk_vectors=2"),
    ],
)
def test_a_clock_changes_no_bit(overrides: tuple[str, ...]) -> None:
    settings = ("chip=reram-1024", "chip.tile.rows=40", "chip.tile.columns=40", *TWO, *overrides)
    coupled, numerics = (digits(*settings, mode=mode) for mode in ("coupled", "numerics"))
    assert_equal_weights(coupled, numerics)
    assert all(np.isfinite(array).all() for array in coupled.weights.values())
    assert coupled.metrics["staleness"] == pytest.approx([5 / 6] * 3)
    pd.testing.assert_series_equal(coupled.learning.test_accuracy, numerics.learning.test_accuracy)


@pytest.mark.parametrize("copies", ["exact", "programmed"])
@pytest.mark.parametrize("algorithm", ["analog-sgd", "ttv2"])
def test_forward_and_backward_meet_the_same_weights(
    algorithm: str, copies: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: dict[tuple[int, int, int], Any] = {}
    compared = 0
    forward, backward = AnalogMatrix.forward_part, AnalogMatrix.backward_part

    def forward_part(self: AnalogMatrix, part: int, x: Any, first: int) -> Any:
        met[id(self), part, first] = self.arrays[part].weights.copy()
        return forward(self, part, x, first)

    def backward_part(self: AnalogMatrix, part: int, d: Any, first: int, weights: Any = None) -> Any:
        nonlocal compared
        assert weights is None
        np.testing.assert_array_equal(met[id(self), part, first], self.arrays[part].weights)
        compared += 1
        return backward(self, part, d, first, weights)

    monkeypatch.setattr(AnalogMatrix, "forward_part", forward_part)
    monkeypatch.setattr(AnalogMatrix, "backward_part", backward_part)
    overrides = ("chip=reram-1024", f"training.algorithm={algorithm}", "training.learning_rate=0.5")
    run = digits(*TWO, *overrides, f"schedule.copies={copies}", "run.discrepancy_every=1")
    assert compared == 2 * 6 * 4
    assert run.metrics["weight_discrepancy_max"] == {"fc2": 0, "fc3": 0}
    assert len(run.discrepancy) == compared
    held = {key[0] for key in met}
    assert len(held) == 2 * 3  # Two sets of three matrices.


@pytest.mark.parametrize("overrides", [("training.algorithm=ttv2",), (DIGITAL, "schedule.copies=exact")])
@pytest.mark.parametrize("mode", ["coupled", "numerics"])
def test_a_run_that_is_taken_up_again_equals_one_that_never_stopped(
    mode: str, overrides: tuple[str, ...], tmp_path: Path
) -> None:
    settings = (*TWO, "chip=reram-1024", "run.checkpoint_every=1", *overrides)
    whole = digits(*settings, mode=mode)
    what = archsim.load_experiment(whole.settings, (), mode)
    for stop in range(1, 4):
        asked = 0

        def interrupted(at: int = stop * 37) -> bool:
            nonlocal asked
            asked += 1
            return asked >= at

        folder = tmp_path / str(stop)
        with pytest.raises(Interrupted):
            archsim.simulate(what, workspace=folder, interrupted=interrupted)
        again = archsim.simulate(what, workspace=folder, resume=True)
        assert_equal_weights(again, whole)
        assert again.metrics == whole.metrics
        pd.testing.assert_frame_equal(again.cost, whole.cost)


@pytest.mark.parametrize("mini_batches", [3, 4])
def test_a_run_that_is_interrupted_has_the_newest_weights_of_each_stage(mini_batches: int) -> None:
    """Whichever set they lie on: another one than that of the last mini-batch of the whole run, after every second."""
    settings = (*TWO, "chip=reram-1024", "schedule.stages=1")
    stopped = digits(*settings, f"training.max_mini_batches={mini_batches}", mode="numerics")
    seen, done = archsim.load_experiment(stopped.settings, ["training.max_mini_batches=5"], "numerics"), []

    def progress(at: Any) -> None:
        done.append(at.done)

    with pytest.raises(Interrupted) as interrupted:
        archsim.simulate(seen, progress=progress, interrupted=lambda: bool(done) and done[-1] >= mini_batches)
    assert_equal_weights(interrupted.value.run, stopped)


# What copies leave


def test_programmed_copies_miss_by_the_error_of_programming(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a cell is that of two conductances; its standard deviation over cells of like weight is told."""
    missed: list[tuple[NDArray[Any], NDArray[Any]]] = []
    copy = AnalogMatrix.copy_part

    def copy_part(self: AnalogMatrix, part: int, source: Any, writer: Any, event: int) -> None:
        copy(self, part, source, writer, event)
        missed.append((source.arrays[part].weights.copy(), self.arrays[part].weights.copy()))

    monkeypatch.setattr(AnalogMatrix, "copy_part", copy_part)
    wide = "chip.device={kind: constant-step, w_max: 9, w_min: -9, w_max_dtod: 0, w_min_dtod: 0}"
    noise = "schedule.copy_noise={kind: pcm-like, g_max: 25, prog_coeff: [1.0, 2.0]}"
    digits(*TWO, wide, noise)
    assert len(missed) == 3 * 5
    for wanted, held in missed:
        full = np.abs(wanted).max()
        g = np.abs(wanted) / full
        # One of the pair is at zero: there, half of the errors would make the conductance negative.
        busy = np.sqrt((1.0 + 2.0 * g) ** 2 + 0.5 * (1 - 1 / np.pi)) / 25 * full
        inside = g > 0.2  # Where the busy conductance stays above zero.
        score = ((held - wanted)[inside] * np.sign(wanted[inside]) + full / 25 / np.sqrt(2 * np.pi)) / busy[inside]
        assert abs(score.mean()) < 5 / np.sqrt(score.size)
        assert score.std() == pytest.approx(1, abs=4 / np.sqrt(2 * score.size))
    # Each copy has random numbers of its own.
    assert not np.allclose(missed[0][1] - missed[0][0], missed[3][1] - missed[3][0], atol=1e-4)


def test_exact_copies_are_exact_and_sets_have_their_own_devices_otherwise() -> None:
    ideal = ("chip.device=ideal", "chip.io.is_perfect=true", "schedule.copies=exact")
    run, other = digits(*TWO, *ideal), digits(*TWO, *ideal, "run.noise_seed=9", "run.device_seed=8")
    assert_equal_weights(run, other)
    assert any("schedule.copies: exact is hypothetical" in text for text in run.warnings)
    exact, programmed = (digits(*TWO, f"schedule.copies={copies}") for copies in ("exact", "programmed"))
    assert any((exact.weights[name] != array).any() for name, array in programmed.weights.items())
    assert not any("hypothetical" in text for text in programmed.warnings)
    assert sum("each misses a weight by about 0.0" in text for text in programmed.warnings) == 1
    without = digits(*TWO, "schedule.copy_noise={kind: reram-wan2022, noise_scale: 0}")
    assert not any("misses a weight" in text for text in without.warnings)


@pytest.mark.parametrize("algorithm", ["digital-sgd", "hardware-aware"])
def test_weights_that_are_numbers_are_not_programmed(algorithm: str) -> None:
    with pytest.raises(InputError, match="keeps weights as numbers") as refused:
        digits(*TWO, f"training.algorithm={algorithm}")
    assert refused.value.field == "schedule.copies"
    digits(*TWO, f"training.algorithm={algorithm}", "schedule.copies=exact")


# What copies take

DEVICE = "chip.device={kind: soft-bounds, dw_min: 0.001, w_max: 0.8, w_min: -0.8}"
#: A read of a line; 800 slots to the bound are 26 trains of at most 31.
READ_PS, TRAINS = 384_000, 26
WRITE_PS = TRAINS * 512_000 + READ_PS


@pytest.mark.parametrize("mode", ["timing", "coupled"])
@pytest.mark.parametrize(("algorithm", "arrays"), [("analog-sgd", 1), ("ttv2", 2)])
def test_counts_of_copies_are_those_of_the_rule(algorithm: str, arrays: int, mode: str) -> None:
    run = digits("data.samples=120", *TWO, DEVICE, f"training.algorithm={algorithm}", "chip=reram-1024", mode=mode)
    rows = run.cost[run.cost.phase == "C"]
    names = zip(rows.layer, rows.component, rows.operation, strict=True)
    found = dict(zip(names, (int(count) for count in rows["count"]), strict=True))
    copies = 5 * arrays  # Every mini-batch but the first one.
    lines, cells = 64 * copies, 64 * 64 * copies
    assert {key[1:]: count for key, count in found.items() if key[0] == "fc1" and key[1] != "link"} == {
        ("dac", "conversion"): 2 * lines,
        ("array", "cell_read"): 2 * cells,
        ("integrator", "integration"): 2 * cells,
        ("adc", "conversion"): 2 * cells,
        ("array", "cell_write"): cells * TRAINS,
        ("array", "coincidence"): cells * 400,
        ("pulse_driver", "write_row"): lines * TRAINS,
        ("pulse_driver", "write_column"): cells * TRAINS,
        ("nmpu", "multiply_add"): cells,
        ("buffer", "read_byte"): cells,
        ("buffer", "write_byte"): cells,
    }
    assert {key[0] for key in found} == {"fc1", "fc2", "fc3"}
    energies = run.cost[(run.cost.phase == "C") & (run.cost.layer == "fc1")]
    assert energies.dynamic_pj.sum() > 0


@pytest.mark.parametrize("mode", ["timing", "coupled"])
def test_lines_go_over_links_between_the_nodes_of_two_tiles(mode: str) -> None:
    """With a node for each tile, one of the two is not at home: 8 bits for each cell go there, or come."""
    apart, together = (
        digits("data.samples=120", *TWO, "chip=reram-1024", f"chip.node_tiles={tiles}", mode=mode) for tiles in (1, 2)
    )

    def sent(run: Run) -> dict[str, int]:
        rows = run.cost[(run.cost.phase == "C") & (run.cost.component == "link")]
        return dict(zip(rows.layer, rows["count"], strict=True))

    assert not sent(together)
    cells = {"fc1": 64 * 64, "fc2": 64 * 32, "fc3": 32 * 10}
    assert sent(apart).keys() == cells.keys()
    for layer, hops in sent(apart).items():
        assert hops >= 5 * cells[layer]
        assert hops % cells[layer] == 0
    assert apart.metrics["bytes_sent"] == apart.metrics["bytes_received"]


def test_both_sets_are_written_at_first() -> None:
    two, one = (
        digits("data.samples=120", *TWO, f"schedule.kind={kind}", "run.program=true", mode="timing")
        for kind in ("two-version", "asynchronous")
    )
    counts = [
        run.cost[run.cost.phase == "P"].set_index(["component", "operation", "layer"])["count"] for run in (two, one)
    ]
    pd.testing.assert_series_equal(counts[0], 2 * counts[1])


def test_time_of_copies_is_that_of_the_rule() -> None:
    """A stage alone, of one matrix: only its C comes between actions that take as long without a second set."""
    network = "network={input_shape: [64], layers: [{name: fc1, kind: linear, features: 10}]}"
    short = (network, DEVICE, "chip=reram-1024", "chip.node_tiles=2", "training.max_mini_batches=3", "data.samples=36")
    run, other = (
        digits(*short, f"schedule.kind={kind}", "schedule.stages=1", mode="timing")
        for kind in ("two-version", "sequential")
    )
    each = READ_PS + 63 * max(READ_PS, WRITE_PS) + WRITE_PS
    copies = run.timeline[run.timeline.action == "C"]
    stages = copies[copies.unit == "stage 0"]
    assert list(stages.end_ps - stages.start_ps) == [each] * 2
    reads = copies[copies.unit.str.startswith("tile") & (copies.end_ps - copies.start_ps == 64 * READ_PS)]
    assert sorted(reads.unit) == ["tile 0", "tile 1"]
    assert run.metrics["makespan_ps"] == other.metrics["makespan_ps"] + 2 * each
    times = archsim.prepare("mlp_digits", [*short, "schedule={kind: two-version, stages: 1}"]).action_times()
    laid = times.frame()
    assert {*(laid.end - laid.begin)[laid.action == "C"]} == {each}


def test_matrices_take_twice_the_tiles_and_the_plan_says_so() -> None:
    cut = ("chip.tile.rows=40", "chip.tile.columns=40", "chip=reram-1024")
    two, one = (
        archsim.prepare("mlp_digits", [*cut, "schedule.stages=3", f"schedule.kind={kind}"])
        for kind in ("two-version", "asynchronous")
    )
    assert two.plan.tiles_used == 2 * one.plan.tiles_used
    crossbars, tiles = [], []
    for stage, before in zip(two.plan.stages, one.plan.stages, strict=True):
        for held, single in zip(stage.placements, before.placements, strict=True):
            first, second = held.sets
            assert [part.crossbar for part in first] == [part.crossbar for part in single.parts]
            assert [(part.inputs, part.outputs) for part in second] == [(part.inputs, part.outputs) for part in first]
            crossbars += [part.crossbar for part in (*first, *second)]
            tiles += [part.tile for part in (*first, *second)]
    assert len({*crossbars}) == len({*tiles}) == len(tiles) == two.plan.tiles_used
    told = CliRunner().invoke(
        app, ["run", "mlp_digits", "--dry-run", "--set", "schedule.kind=two-version", "--set", "chip=reram-1024"]
    )
    assert "twice the tiles" in told.stdout
    listed = CliRunner().invoke(app, ["schedule", "pipeline_unit", "--set", "schedule.kind=two-version"])
    assert "forward and backward of each meet the same weights" in listed.stdout
