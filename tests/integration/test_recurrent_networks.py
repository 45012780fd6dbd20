"""Recurrent layers: gradients, equal bits whatever the schedule, and the time of reads that wait for each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from archsim.network.deployed import DeployedMatrix
from archsim.simulation import Interrupted

from . import recurrent
from .recurrent import Block, Weights

LENGTH, FEATURES, CLASSES = 4, 3, 3


def sequences(samples: int, tests: int, *, targets: tuple[int, ...] = (LENGTH,)) -> DataSet:
    draw = np.random.default_rng(5)
    inputs = draw.normal(size=(samples + tests, LENGTH, FEATURES)).astype(np.float32)
    right = draw.integers(0, CLASSES, (samples + tests, *targets))
    return DataSet("sequences", inputs[:samples], right[:samples], inputs[samples:], right[samples:], CLASSES)


def linear() -> dict[str, Any]:
    return {"name": "out", "kind": "linear", "features": CLASSES}


GRU_LSTM: list[dict[str, Any]] = [
    {"name": "both", "kind": "gru", "features": 2, "bidirectional": True},
    {"name": "cell", "kind": "lstm", "features": 3, "scaling": {"learn_out_scaling": True}},
    linear(),
]
LAST: list[dict[str, Any]] = [
    {"name": "cell", "kind": "lstm", "features": 2, "bidirectional": True, "output": "last"},
    linear(),
]


def gru_lstm(weights: Weights, x: Block) -> Block:
    def direction(first: int) -> Any:
        return lambda block: recurrent.gru(weights, f"both.{first}", f"both.{first + 1}", block)

    x = recurrent.both_ways(direction(0), direction(2), x)
    return recurrent.linear(weights, "out", recurrent.lstm(weights, "cell", x))


def last(weights: Weights, x: Block) -> Block:
    ends = [recurrent.lstm(weights, "cell.0", x)[:, -1], recurrent.lstm(weights, "cell.1", x[:, ::-1])[:, -1]]
    return recurrent.linear(weights, "out", np.concatenate(ends, axis=1))


@pytest.mark.parametrize(("layers", "network", "targets"), [(GRU_LSTM, gru_lstm, (LENGTH,)), (LAST, last, ())])
def test_a_training_step_follows_the_gradient_by_differences(layers: Any, network: Any, targets: Any) -> None:
    """With exact cells and converters only the precision of float32 is left between both."""
    data = sequences(4, 40, targets=targets)

    def trained(rate: float) -> archsim.Run:
        document = {
            "network": {"input_shape": [LENGTH, FEATURES], "layers": layers},
            "chip": {"preset": "reram-1024", "device": "ideal", "io": {"is_perfect": True}},
            "training": {"algorithm": "digital-sgd", "learning_rate": rate, "mini_batch": 4, "max_mini_batches": 1},
            "schedule": {"kind": "gpipe", "micro_batches": 2, "update": "deferred", "stages": len(layers)},
            "run": {"mode": "numerics", "seed": 3},
        }
        return archsim.simulate(document, data=data)

    before, run = trained(1e-30), trained(0.5)
    start = {name: array.astype(np.float64) for name, array in before.weights.items()}
    x = data.train_inputs.astype(np.float64)
    gradient = recurrent.differences(lambda w: recurrent.cross_entropy(network(w, x), data.train_targets), start)
    assert before.metrics["loss"] == pytest.approx(
        recurrent.cross_entropy(network(start, x), data.train_targets), rel=1e-5
    )
    for name, slope in gradient.items():
        assert np.abs(slope).max() > 1e-4
        np.testing.assert_allclose(
            (start[name] - run.weights[name]) / 0.5, slope, atol=3e-3 * np.abs(slope).max(), err_msg=name
        )
    outputs = network({name: array.astype(np.float64) for name, array in run.weights.items()}, data.test_inputs)
    expected = (outputs.argmax(axis=-1) == data.test_targets).mean()
    assert run.metrics["accuracy"] == pytest.approx(expected, abs=0.01)


def noisy(mode: str, kind: str = "sequential", **sections: Any) -> archsim.Experiment:
    """Return an experiment on noisy tiles that cut matrices."""
    document: dict[str, Any] = {
        "network": {"input_shape": [LENGTH, FEATURES], "layers": GRU_LSTM},
        "chip": {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 5, "columns": 4}},
        "training": {"algorithm": "analog-sgd", "learning_rate": 1.0, "mini_batch": 4, "max_mini_batches": 4},
        "schedule": {"kind": kind, "stages": 3, "micro_batches": 2, "update": "deferred"},
        "run": {"mode": mode, "seed": 2, "evaluate_every": 2},
    }
    merged = {key: value | sections.get(key, {}) for key, value in document.items()}
    return archsim.load_experiment(merged | {key: value for key, value in sections.items() if key not in merged})


def simulated(mode: str, kind: str = "sequential", **sections: Any) -> archsim.Run:
    return archsim.simulate(noisy(mode, kind, **sections), data=sequences(16, 20))


def assert_equal_numbers(one: archsim.Run, other: archsim.Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], err_msg=name)
    for column in ("train_loss", "test_accuracy"):
        assert one.learning[column].tolist() == other.learning[column].tolist()


@pytest.fixture(scope="module")
def one_by_one() -> archsim.Run:
    return simulated("numerics")


@pytest.mark.parametrize(
    ("kind", "schedule"),
    [
        ("sequential", {}),
        ("gpipe", {"stages": 1}),
        ("synchronous", {}),
        ("synchronous", {"overlap": "layers", "chunk_vectors": 1}),
    ],
)
def test_schedules_that_claim_exact_gradients_give_equal_bits_with_noise(
    kind: str, schedule: dict[str, Any], one_by_one: archsim.Run
) -> None:
    run = simulated("coupled", kind, schedule=schedule)
    assert_equal_numbers(run, one_by_one)
    assert run.metrics["macs"] == one_by_one.metrics["macs"]
    assert run.observations.bytes_sent == run.observations.bytes_received


def test_noise_belongs_to_sample_and_time_step(one_by_one: archsim.Run) -> None:
    """Reads of all steps of one kind of noise would be equal where their inputs are: so are none."""
    matrix = archsim.prepare(noisy("numerics")).graph["cell"].matrices[0]
    found = {matrix.first_vector(sample, step) for sample in range(16) for step in range(LENGTH)}
    assert len(found) == 16 * LENGTH
    assert_equal_numbers(simulated("numerics"), one_by_one)
    other = simulated("numerics", run={"seed": 3})
    assert (other.weights["cell"] != one_by_one.weights["cell"]).any()


def test_threads_change_no_bit(one_by_one: archsim.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsim.engine.numerics.coupling._WORTH_SHARING", 0)
    assert_equal_numbers(simulated("coupled", run={"threads": 2}), one_by_one)


def test_a_run_that_was_interrupted_between_time_steps_goes_on(tmp_path: Path) -> None:
    short = {"max_mini_batches": 1}
    what = noisy("coupled", "asynchronous", run={"checkpoint_every": 1, "timeline": False}, training=short)
    data, left, stops = sequences(16, 20), 0, 0

    def interrupted() -> bool:
        nonlocal left
        left -= 1
        return left <= 0

    while True:
        left = 400
        try:
            run = archsim.simulate(what, data=data, workspace=tmp_path, resume=True, interrupted=interrupted)
            break
        except Interrupted:
            stops += 1
    assert stops > 2
    assert_equal_numbers(run, archsim.simulate(what, data=data))


def test_programmed_conductances_are_calibrated_by_the_vectors_of_all_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[Block] = []
    optimise = DeployedMatrix.optimise

    def noted(matrix: DeployedMatrix, vectors: Block) -> None:
        met.append(vectors)
        optimise(matrix, vectors)

    monkeypatch.setattr(DeployedMatrix, "optimise", noted)
    inference = {
        "times": [1.0],
        "repeats": 1,
        "post_training": {"conductance_ranges": True, "dac_ranges": True, "samples": 4},
    }
    run = simulated("numerics", chip={"io": {"noise_management": "none"}}, inference=inference)
    assert [block.shape for block in met] == [(4 * LENGTH, n) for n in (3, 2, 3, 2, 4 + 3, 3)]
    h = met[4][:, 4:].reshape(LENGTH, 4, 3)
    assert not h[0].any()
    assert h[1:].all()
    assert len(run.inference) == 1


def slow_reads(schedule: str, length: int) -> archsim.Run:
    """Run an LSTM of 9 outputs whose reads take 1 ns a conversion, and whose digital unit does 9 operations in 1 ns."""
    fast = {"clock": "1 THz", "bytes_per_cycle": 1024}
    no_steps = {"step_time": "0 ns", "bits": 8}
    document = {
        "network": {
            "input_shape": [length, 3],
            "layers": [{"name": "cell", "kind": "lstm", "features": 9, "output": "last"}],
            "loss": "mean-squared-error",
        },
        "chip": {
            "preset": "reram-1024",
            "tile": {"rows": 64, "columns": 64, "integration_time": "0 ns"},
            "dac": {**no_steps, "fixed_time": "0 ns"},
            "adc": {**no_steps, "fixed_time": "1 ns", "per_tile": 1},
            "nmpu": {"clock": "1 GHz", "lanes": 9, "pipeline_cycles": 0},
            "buffer": fast,
            "interconnect": {**fast, "hop_cycles": 0},
            "host": {**fast, "latency_cycles": 0},
        },
        "data": {"samples": 2},
        "training": {"learning_rate": 0.1, "mini_batch": 1},
        "schedule": {"kind": schedule, "stages": 1},
        "run": {"mode": "timing"},
    }
    return archsim.simulate(document)


@pytest.mark.parametrize("length", [1, 7])
def test_each_read_waits_for_the_gates_of_the_one_before(length: int) -> None:
    """Per step 4 x 9 conversions, each scaled by the digital unit, and 3 + 5 operations for each of 9 outputs."""
    read, gates = 36, (36 + 8 * 9) // 9
    run = slow_reads("inference", length)
    assert round(run.metrics["makespan_ps"] / 1000) == 2 * length * (read + gates)


@pytest.mark.parametrize("length", [1, 7])
def test_backward_takes_the_steps_in_turn(length: int) -> None:
    """The errors of a step take 36 + 13 x 9 operations; between steps lie a read of 12 rows, and 12 sums."""
    run = slow_reads("sequential", length)
    slices = run.timeline[run.timeline.action == "B"]
    ends = slices.groupby("micro_batch", observed=True)
    lasted = (ends.end_ps.max() - ends.start_ps.min()) / 1000
    errors, between = (36 + 13 * 9) // 9, 12 + -(-(12 + 36 + 13 * 9) // 9)
    assert [round(one) for one in lasted] == [errors + (length - 1) * between] * 2


def test_a_repetition_is_learnt_on_noisy_cells() -> None:
    """The target is the input of the position before, of which only the state knows."""
    draw = np.random.default_rng(1)
    shown = draw.integers(0, CLASSES, (1000, LENGTH + 1))
    inputs, targets = np.eye(CLASSES, dtype=np.float32)[shown[:, 1:]], shown[:, :-1].copy()
    targets[:, 0] = 0
    data = DataSet("repeated", inputs[:800], targets[:800], inputs[800:], targets[800:], CLASSES)
    layers = [{"name": "cell", "kind": "lstm", "features": 8}, linear()]
    document = {
        "network": {"input_shape": [LENGTH, FEATURES], "layers": layers},
        "chip": {"preset": "reram-1024", "device": "idealized"},
        "training": {"algorithm": "analog-sgd", "learning_rate": 4.0, "mini_batch": 8, "epochs": 1},
        "schedule": {"kind": "asynchronous", "stages": 2},
        "run": {"mode": "coupled", "seed": 1, "timeline": False, "evaluate_every": 100},
    }
    run = archsim.simulate(document, data=data)
    # Who knows the input alone is right at the first position, and at every third of the others.
    assert run.metrics["accuracy"] > 0.9 > (1 + (LENGTH - 1) / CLASSES) / LENGTH
