"""States that recurrent layers carry from a sample to the next one of its stream, against plain NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import archsim
from archsim import DataSet
from archsim.data import stream_order
from archsim.engine.numerics.carried import CarriedStates
from archsim.engine.numerics.stored import Stored
from archsim.errors import InputError
from archsim.simulation import Interrupted
from tests.integration.recurrent import Block, Weights, cross_entropy, linear, lstm_from

LENGTH, CLASSES, STREAMS, EPOCH = 3, 4, 4, 5
EXACT = {"preset": "reram-1024", "io": {"is_perfect": True}, "backward_io": {"is_perfect": True}}
NOISY = {"preset": "reram-1024", "device": "ecram", "tile": {"rows": 8, "columns": 8}}
DIGITAL = {"algorithm": "digital-sgd", "learning_rate": 0.7, "mini_batch": STREAMS, "epochs": 2}
ANALOG = DIGITAL | {"algorithm": "analog-sgd", "learning_rate": 1.0}


def windows() -> DataSet:
    """Return windows of a text in which a character follows from the last two, and from those before it so."""
    draw, text = np.random.default_rng(4), [0, 1]
    while len(text) < LENGTH * (STREAMS * EPOCH + 12) + 1:
        text.append((text[-1] + text[-2] + int(draw.random() < 0.1)) % CLASSES)
    now = np.array(text[:-1]).reshape(-1, LENGTH)
    following = np.array(text[1:]).reshape(-1, LENGTH)
    inputs, cut = np.eye(CLASSES, dtype=np.float32)[now], STREAMS * EPOCH
    return DataSet("windows", inputs[:cut], following[:cut], inputs[cut:], following[cut:], CLASSES)


DATA = windows()


def document(
    training: dict[str, Any], kind: str = "sequential", micro_batches: int = 1, **given: Any
) -> dict[str, Any]:
    cell = {"name": "cell", "kind": given.pop("cell", "lstm"), "features": 3, "stateful": True}
    sections = {
        "network": {
            "input_shape": [LENGTH, CLASSES],
            "layers": [cell, {"name": "out", "kind": "linear", "features": CLASSES}],
        },
        "chip": EXACT if training["algorithm"] == "digital-sgd" else NOISY,
        "data": {"order": "streams"},
        "training": training,
        "schedule": {"kind": kind, "stages": 2, "micro_batches": micro_batches} | given.pop("schedule", {}),
        "run": {"mode": "numerics", "timeline": False, "evaluate_every": 1} | given.pop("run", {}),
    }
    return sections | given


def trained(*args: Any, **given: Any) -> archsim.Run:
    options = {name: given.pop(name) for name in ("workspace", "resume", "interrupted") if name in given}
    return archsim.simulate(document(*args, **given), data=DATA, **options)


def as_float64(run: archsim.Run) -> Weights:
    return {name: array.astype(np.float64) for name, array in run.weights.items()}


def passed(weights: Weights, x: Block, state: tuple[Block, Block]) -> tuple[Block, tuple[Block, Block]]:
    h, *behind = lstm_from(weights, "cell", x.astype(np.float64), *state)
    return linear(weights, "out", h), (behind[0], behind[1])


def zeros(samples: int) -> tuple[Block, Block]:
    return np.zeros((samples, 3)), np.zeros((samples, 3))


def test_a_mini_batch_begins_where_the_last_one_ended_and_an_epoch_with_zeros() -> None:
    """On weights that stay, the training loss of each mini-batch is that of NumPy."""
    run = trained(DIGITAL | {"learning_rate": 1e-30})
    weights, order = as_float64(run), stream_order(len(DATA.train_inputs), STREAMS).reshape(EPOCH, STREAMS)
    expected, state = [], zeros(STREAMS)
    for samples in order:
        outputs, state = passed(weights, DATA.train_inputs[samples], state)
        expected.append(cross_entropy(outputs, DATA.train_targets[samples]))
    assert run.learning["train_loss"].tolist() == pytest.approx(2 * expected, rel=1e-5)


def test_gradients_end_at_the_window_and_the_state_is_that_of_its_time() -> None:
    """The second update is that of a loss whose beginning is a constant, computed by the weights before the first."""
    start, one, two = (
        as_float64(trained(DIGITAL | {"max_mini_batches": count, "learning_rate": rate}))
        for count, rate in ((1, 1e-30), (1, 0.7), (2, 0.7))
    )
    order = stream_order(len(DATA.train_inputs), STREAMS).reshape(EPOCH, STREAMS)
    _, state = passed(start, DATA.train_inputs[order[0]], zeros(STREAMS))

    def loss(weights: Weights) -> float:
        outputs, _ = passed(weights, DATA.train_inputs[order[1]], state)
        return cross_entropy(outputs, DATA.train_targets[order[1]])

    for name in ("cell", "out", "cell.bias"):
        for place in list(np.ndindex(one[name].shape))[::3]:
            step = np.zeros_like(one[name])
            step[place] = 1e-5
            slope = (loss(one | {name: one[name] + step}) - loss(one | {name: one[name] - step})) / 2e-5
            assert two[name][place] - one[name][place] == pytest.approx(-0.7 * slope, abs=2e-6)


def test_evaluations_and_forward_only_runs_carry_as_many_streams(tmp_path: Path) -> None:
    run = trained(DIGITAL)
    weights, state, losses = as_float64(run), zeros(STREAMS), []
    order = stream_order(len(DATA.test_inputs), STREAMS).reshape(-1, STREAMS)
    for samples in order:
        outputs, state = passed(weights, DATA.test_inputs[samples], state)
        losses.append(cross_entropy(outputs, DATA.test_targets[samples]))
    assert len(order) == 3
    assert run.metrics["test_loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    np.savez(tmp_path / "weights.npz", **run.weights)
    forward = document(DIGITAL, "inference", STREAMS, run={"mode": "coupled"})
    del forward["training"]
    found = archsim.simulate(forward, data=DATA, weights=tmp_path / "weights.npz")
    assert found.metrics["test_loss"] == pytest.approx(run.metrics["test_loss"], rel=1e-6)


@pytest.fixture(scope="module", params=["lstm", "gru"])
def sequential(request: pytest.FixtureRequest) -> tuple[str, archsim.Run]:
    return request.param, trained(ANALOG, "sequential", 2, cell=request.param, schedule={"update": "deferred"})


@pytest.mark.parametrize(
    ("kind", "mode", "overlap"),
    [
        ("synchronous", "numerics", "none"),
        ("synchronous", "coupled", "stages"),
        ("gpipe", "coupled", "layers"),
    ],
)
def test_exact_schedules_give_equal_bits_with_noise(
    kind: str, mode: str, overlap: str, sequential: tuple[str, archsim.Run]
) -> None:
    cell, one = sequential
    run = {"mode": mode, "threads": 2}
    other = trained(ANALOG, kind, 2, cell=cell, run=run, schedule={"overlap": overlap})
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array, other.weights[name], err_msg=name)
    told = ["train_loss", "test_loss", "test_perplexity"]
    np.testing.assert_allclose(one.learning[told], other.learning[told], rtol=1e-12)


@pytest.mark.parametrize("kind", ["synchronous", "asynchronous"])
def test_a_resumed_run_carries_on(kind: str, tmp_path: Path) -> None:
    run = {"mode": "coupled"}
    whole = trained(ANALOG, kind, 2, run=run)
    if kind == "asynchronous":
        assert trained(ANALOG, kind, 2).metrics["test_loss"] == whole.metrics["test_loss"]
    for steps in (400, 900):
        calls = iter(range(10**9))
        workspace = tmp_path / str(steps)
        with pytest.raises(Interrupted):
            trained(ANALOG, kind, 2, run=run, workspace=workspace, interrupted=lambda: next(calls) > steps)  # noqa: B023
        again = trained(ANALOG, kind, 2, run=run, workspace=str(workspace), resume=True)
        assert again.learning.equals(whole.learning)
        assert all(np.array_equal(again.weights[name], array) for name, array in whole.weights.items())


def test_states_between_samples_stay_in_the_buffer() -> None:
    """2 x 3 numbers of the LSTM for each of four streams, of as many bits as the buffer's elements."""
    stateful = document(ANALOG, "synchronous", 2, run={"mode": "coupled"})
    plain = document(ANALOG, "synchronous", 2, run={"mode": "coupled"})
    plain["network"]["layers"][0]["stateful"] = False
    bits = archsim.load_experiment(stateful).chip.buffer.element_bits
    with_states, without = (
        archsim.simulate(given, data=DATA).metrics["stage_buffer_bytes"] for given in (stateful, plain)
    )
    assert with_states == [without[0] + 2 * 3 * STREAMS * bits // 8, without[1]]
    small = stateful | {"chip": NOISY | {"buffer": {"capacity": "60 B"}}}
    with pytest.raises(archsim.errors.DoesNotFit, match=f"carried states of {6 * STREAMS * bits // 8} B"):
        archsim.simulate(small, data=DATA)


def test_what_cannot_be_carried_is_refused() -> None:
    with pytest.raises(InputError, match="while samples are shuffled"):
        archsim.load_experiment(document(DIGITAL, data={"order": "shuffled"}))
    both = document(DIGITAL)
    both["network"]["layers"][0]["bidirectional"] = True
    with pytest.raises(InputError, match=r"network\.layers\.0: .* would begin with what comes after its sample"):
        archsim.load_experiment(both)


def test_a_window_before_its_turn_is_refused() -> None:
    carried, states = CarriedStates(2, 20), np.ones((3, 2), np.float32)
    assert carried.before("cell", Stored(3, 3)) is None
    carried.keep("cell", Stored(3, 3), states)
    found = carried.before("cell", Stored(9, 3))
    assert found is not None
    assert found.tolist() == states.tolist()
    for early in (Stored(15, 3), Stored(6, 3)):
        with pytest.raises(InputError, match="layer 'cell' is to go on with micro-batch"):
            carried.before("cell", early)
    assert carried.before("cell", Stored(60, 3)) is None
