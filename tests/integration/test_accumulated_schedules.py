"""Schedules that place U themselves: exact where it goes to what F and B do not read, stale where it does not.

The premise: gradients add up in a digital accumulator (mixed precision) or in a fast array that no read sees (gamma 0),
and reach the weights by transfers of their own at the end of a mini-batch. Digital parameters take part by themselves.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsim import Run

from .shipped import NOISY, STOCHASTIC, Network, assert_equal_bits, stopped_and_killed

KINDS = ("zb-h1", "zb-h2", "zb-v", "dualpipe-v")
MIXED = "training.algorithm=mixed-precision"
TIKI_TAKA = "training.algorithm={kind: tiki-taka, gamma: 0.0}"
CHOPPED = "training.algorithm={preset: c-ttv2, gamma: 0.0, units_in_mbatch: true, in_chop_prob: 0.3}"
SEPARATE = "schedule.transfers=separate"
#: Learned scales, beside biases.
SCALED = "network.layers.cell.scaling={weight_scaling_omega: 0.4, learn_out_scaling: true}"
#: Ranges of inputs: decided by the blocks of time steps, until the last micro-batch of a mini-batch, and learned then.
RANGED = (
    "chip.io.noise_management=none",
    "network.layers.cell.scaling={input_range: {init_from_data: 30, init_std_alpha: 1.0, decay: 0.5}}",
    "network.layers.out.scaling={input_range: {init_from_data: 3, init_std_alpha: 1.0, decay: 0.5}}",
)


def made(workload: str, *changes: str) -> Network:
    inputs, targets, classes, stages, samples = {
        "mlp_digits": ((64,), (), 10, 3, 16),
        "resnet9_cifar10": ((3, 32, 32), (), 10, 4, 8),
        "lstm_text": ((9, 65), (9,), 65, 2, 8),
    }[workload]
    return Network(workload, inputs, targets, classes, stages, changes, samples, micro_batches=4)


NETWORKS = [
    made("mlp_digits", NOISY, MIXED, SEPARATE),
    made("mlp_digits", NOISY, TIKI_TAKA, SEPARATE),
    made("mlp_digits", STOCHASTIC, CHOPPED, SEPARATE),
    made("resnet9_cifar10", CHOPPED, SEPARATE),
    made("lstm_text", NOISY, MIXED, SEPARATE, SCALED),
    made("lstm_text", STOCHASTIC, TIKI_TAKA, SEPARATE),
    made("lstm_text", NOISY, MIXED, SEPARATE, *RANGED),
]
NAMES = ["mlp-mixed", "mlp-tiki-taka", "mlp-chopped", "resnet9-chopped", "lstm-mixed", "lstm-tiki-taka", "lstm-ranged"]


@pytest.fixture(params=NETWORKS, ids=NAMES, scope="module")
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.param
    return found


@pytest.fixture(scope="module")
def one_by_one(network: Network) -> Run:
    """Without a clock, and all in one stage."""
    return network.run("sequential", mode="numerics", stages=1)


@pytest.fixture(autouse=True)
def _shared_by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small parts are here, threads share them."""
    monkeypatch.setattr("archsim.engine.numerics.coupling._WORTH_SHARING", 0)


@pytest.mark.parametrize(
    ("kind", "mode", "more"),
    [
        ("zb-h1", "numerics", ("run.threads=3",)),
        ("zb-h1", "coupled", ()),
        ("zb-h2", "coupled", ("schedule.overlap=stages", "schedule.chunk_vectors=20", "run.threads=3")),
        ("zb-v", "coupled", ("schedule.overlap=layers",)),
        ("dualpipe-v", "numerics", ()),
        ("dualpipe-v", "coupled", ("run.threads=3",)),
    ],
)
def test_with_the_premise_they_end_in_the_bits_of_one_after_the_other(
    kind: str, mode: str, more: tuple[str, ...], network: Network, one_by_one: Run
) -> None:
    run = network.run(kind, *more, mode=mode)
    assert max(run.metrics["staleness"]) > 0  # Updates fall between F and B, and nothing reads what they change.
    assert_equal_bits(run, one_by_one)


def test_what_they_are_compared_with_learns(network: Network, one_by_one: Run) -> None:
    """Pulses have reached the weights, and all digital numbers have moved but scales that are not learned."""
    start = network.run("sequential", "training.learning_rate=1e-30", mode="numerics", stages=1)
    still = [name for name, array in one_by_one.weights.items() if not np.any(array != start.weights[name])]
    assert [name for name in still if SCALED in network.changes or not name.endswith(".scale")] == []


def test_ranges_of_inputs_are_learned() -> None:
    """Otherwise what they end in would say nothing of them."""
    learned, decided = (
        made("lstm_text", NOISY, MIXED, SEPARATE, *RANGED, *more).run("sequential", mode="numerics", stages=1)
        for more in ((), ("network.layers.cell.scaling.input_range.learn_input_range=false",))
    )
    assert any(np.any(array != decided.weights[name]) for name, array in learned.weights.items())


def test_one_that_is_stopped_and_killed_ends_in_the_same_bits(
    network: Network, one_by_one: Run, tmp_path: Path
) -> None:
    """Also between updates of a mini-batch, while what digital units hold is there twice."""
    run, whole = stopped_and_killed(network.experiment("dualpipe-v"), network, tmp_path, times=4)
    assert_equal_bits(run, one_by_one)
    assert run.metrics == whole.metrics


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("workload", ["mlp_digits", "lstm_text"])
def test_analog_sgd_makes_them_stale(kind: str, workload: str) -> None:
    """U changes the array that F and B read: other weights than one after the other, and a run tells by how much."""
    stale = made(workload, NOISY)
    run, exact = stale.run(kind), stale.run("sequential", mode="numerics")
    assert max(run.metrics["staleness"]) > 0
    assert max(exact.metrics["staleness"]) == 0
    assert any(np.any(array != exact.weights[name]) for name, array in run.weights.items())
