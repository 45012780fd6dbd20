"""Shipped networks: schedules equal in exact arithmetic end in equal bits, with noise, threads, pauses and kills."""

from __future__ import annotations

from pathlib import Path

import pytest

from archsim import Run

from .shipped import CHOPPED, NOISY, STOCHASTIC, Network, assert_equal_bits, stopped_and_killed

NETWORKS = [
    Network("mlp_digits", (64,), (), 10, 3, [NOISY], samples=4),
    Network("residual_mnist", (1, 28, 28), (), 10, 3, [NOISY, CHOPPED]),
    Network("residual_mnist", (1, 28, 28), (), 10, 5, [STOCHASTIC]),
    Network("resnet9_cifar10", (3, 32, 32), (), 10, 4, []),
    Network("lstm_text", (9, 65), (9,), 65, 2, [NOISY, CHOPPED]),
    Network("lstm_text", (9, 65), (9,), 65, 2, [STOCHASTIC]),
    Network("kws_digits", (800,), (), 10, 3, [STOCHASTIC], samples=4),
    Network("transformer_text", (9,), (9,), 65, 5, [STOCHASTIC, "training.gradient_clipping={limit: 0.5}"]),
]


@pytest.fixture(params=NETWORKS, ids=lambda network: network.name, scope="module")
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
    ("kind", "more"),
    [
        ("sequential", ()),
        ("synchronous", ("schedule.overlap=stages", "schedule.chunk_vectors=20", "run.threads=3")),
        ("gpipe", ("schedule.overlap=layers", "schedule.chunk_vectors=70", "run.threads=2")),
        ("interleaved", ("schedule.overlap=stages", "schedule.chunk_vectors=30", "run.threads=3")),
        ("breadth-first", ("schedule.overlap=layers",)),
    ],
    ids=["sequential", "streamed", "overlapping", "interleaved", "breadth-first"],
)
def test_schedules_end_in_the_bits_of_one_after_the_other(
    kind: str, more: tuple[str, ...], network: Network, one_by_one: Run
) -> None:
    run = network.run(kind, *more)
    assert_equal_bits(run, one_by_one)
    assert run.observations.bytes_sent == run.observations.bytes_received


@pytest.mark.parametrize("kind", ["gpipe", "synchronous", "interleaved", "breadth-first"])
def test_so_they_do_without_a_clock(kind: str, network: Network, one_by_one: Run) -> None:
    assert_equal_bits(network.run(kind, "run.threads=3", mode="numerics"), one_by_one)


def test_a_run_that_is_stopped_and_killed_ends_in_the_same_bits(
    network: Network, one_by_one: Run, tmp_path: Path
) -> None:
    """Seven times, at random events; where it was killed it goes on from an earlier checkpoint, if there is one."""
    what = network.experiment("synchronous", "schedule.overlap=stages", "schedule.chunk_vectors=50")
    run, whole = stopped_and_killed(what, network, tmp_path)
    assert_equal_bits(run, one_by_one)
    assert run.metrics == whole.metrics
    assert run.cost.equals(whole.cost)
