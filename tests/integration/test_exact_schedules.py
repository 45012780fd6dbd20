"""Shipped networks: schedules equal in exact arithmetic end in equal bits, with noise, threads, pauses and kills."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import archsim
from archsim import DataSet, Run
from archsim.simulation import Interrupted

from .experiments import WORKLOADS

STOCHASTIC = "chip.nmpu.arithmetic={kind: fixed-point, rounding: stochastic}"
CHOPPED = "training.algorithm={preset: c-ttv2, transfer_every: 2, in_chop_prob: 0.3}"


@dataclass(frozen=True)
class Network:
    """A shipped network, what its inputs and targets look like, in how many stages it lies, and what else changes."""

    workload: str
    inputs: tuple[int, ...]
    targets: tuple[int, ...]
    classes: int
    stages: int
    changes: Sequence[str]
    samples: int = 2

    @property
    def name(self) -> str:
        changed = [text.partition("=")[0].rpartition(".")[2] for text in self.changes]
        return "-".join([self.workload, *changed])

    def data(self) -> DataSet:
        """Return random samples: what is asked here does not depend on them."""
        draw, count = np.random.default_rng(5), 3 * self.samples
        tokens = draw.integers(0, self.classes, (count + 3, *self.inputs)).astype(np.float32)
        inputs = tokens if self.inputs == self.targets else draw.normal(size=tokens.shape).astype(np.float32)
        targets = draw.integers(0, self.classes, (count + 3, *self.targets))
        return DataSet("random", inputs[:count], targets[:count], inputs[count:], targets[count:], self.classes)


NETWORKS = [
    Network("residual_mnist", (1, 28, 28), (), 10, 3, ["chip.device=reram-sb", CHOPPED]),
    Network("residual_mnist", (1, 28, 28), (), 10, 5, [STOCHASTIC]),
    Network("resnet9_cifar10", (3, 32, 32), (), 10, 4, []),
    Network("lstm_text", (9, 65), (9,), 65, 2, ["chip.device=reram-sb", CHOPPED]),
    Network("lstm_text", (9, 65), (9,), 65, 2, [STOCHASTIC]),
    Network("kws_digits", (800,), (), 10, 3, [STOCHASTIC], samples=4),
    Network("transformer_text", (9,), (9,), 65, 5, [STOCHASTIC, "training.gradient_clipping={limit: 0.5}"]),
]


@pytest.fixture(params=NETWORKS, ids=lambda network: network.name, scope="module")
def network(request: pytest.FixtureRequest) -> Network:
    found: Network = request.param
    return found


def experiment(
    network: Network, kind: str, *more: str, mode: str = "coupled", stages: int | None = None
) -> archsim.Experiment:
    chosen = [
        f"network.input_shape={list(network.inputs)}",
        f"training.mini_batch={network.samples}",
        "training.max_mini_batches=3",
        "run.evaluate_every=2",
        "run.checkpoint_every=1",
        "run.timeline=false",
        f"schedule.kind={kind}",
        f"schedule.stages={stages or network.stages}",
        "schedule.micro_batches=2",
    ]
    return archsim.load_experiment(WORKLOADS / f"{network.workload}.yaml", [*chosen, *network.changes, *more], mode)


@pytest.fixture(scope="module")
def one_by_one(network: Network) -> Run:
    """Without a clock, and all in one stage."""
    return archsim.simulate(experiment(network, "sequential", mode="numerics", stages=1), data=network.data())


@pytest.fixture(autouse=True)
def _shared_by_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """However small parts are here, threads share them."""
    monkeypatch.setattr("archsim.engine.numerics.coupling._WORTH_SHARING", 0)


def assert_equal_bits(one: Run, other: Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array.view(np.uint32), other.weights[name].view(np.uint32), err_msg=name)
    for column in ("train_loss", "test_accuracy"):
        assert one.learning[column].tolist() == other.learning[column].tolist()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("sequential", ()),
        ("synchronous", ("schedule.overlap=stages", "schedule.chunk_vectors=20", "run.threads=3")),
        ("gpipe", ("schedule.overlap=layers", "schedule.chunk_vectors=70", "run.threads=2")),
    ],
    ids=["sequential", "streamed", "overlapping"],
)
def test_schedules_end_in_the_bits_of_one_after_the_other(
    kind: str, more: tuple[str, ...], network: Network, one_by_one: Run
) -> None:
    run = archsim.simulate(experiment(network, kind, *more), data=network.data())
    assert_equal_bits(run, one_by_one)
    assert run.observations.bytes_sent == run.observations.bytes_received


class Killed(BaseException):
    """The end of a process: nobody stores anything."""


def test_a_run_that_is_stopped_and_killed_ends_in_the_same_bits(
    network: Network, one_by_one: Run, tmp_path: Path
) -> None:
    """Seven times, at random events; where it was killed it goes on from an earlier checkpoint, if there is one."""
    what = experiment(network, "synchronous", "schedule.overlap=stages", "schedule.chunk_vectors=50")
    events = 0

    def counted() -> bool:
        nonlocal events
        events += 1
        return False

    whole = archsim.simulate(what, data=network.data(), interrupted=counted)
    chance, ends = random.Random(network.name), [Killed, Interrupted, Interrupted, Killed, Killed, Interrupted, Killed]
    most = events // len(ends)
    left = chance.randint(1, most)

    def interrupted() -> bool:
        nonlocal left
        left -= 1
        if left > 0:
            return False
        if ends[-1] is Killed:
            raise Killed
        return True

    while ends:
        with pytest.raises(ends[-1]):
            archsim.simulate(what, data=network.data(), workspace=tmp_path, resume=True, interrupted=interrupted)
        ends.pop()
        left = chance.randint(1, most)
    run = archsim.simulate(what, data=network.data(), workspace=tmp_path, resume=True)
    assert_equal_bits(run, one_by_one)
    assert run.metrics == whole.metrics
    assert run.cost.equals(whole.cost)
