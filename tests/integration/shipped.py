"""Shipped networks, shortened, on random samples: what schedules that are equal in exact arithmetic are compared on."""

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
NOISY = "chip.device=reram-sb"


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
    micro_batches: int = 2

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

    def experiment(self, kind: str, *more: str, mode: str = "coupled", stages: int | None = None) -> archsim.Experiment:
        """Return three mini-batches under a schedule."""
        chosen = [
            f"network.input_shape={list(self.inputs)}",
            f"training.mini_batch={self.samples}",
            "training.max_mini_batches=3",
            "run.evaluate_every=2",
            "run.checkpoint_every=1",
            "run.timeline=false",
            f"schedule.kind={kind}",
            f"schedule.stages={stages or self.stages}",
            f"schedule.micro_batches={self.micro_batches}",
        ]
        if self.workload == "mlp_digits":
            del chosen[0]  # Its network has a name.
        return archsim.load_experiment(WORKLOADS / f"{self.workload}.yaml", [*chosen, *self.changes, *more], mode)

    def run(self, kind: str, *more: str, mode: str = "coupled", stages: int | None = None) -> Run:
        """Simulate that."""
        return archsim.simulate(self.experiment(kind, *more, mode=mode, stages=stages), data=self.data())


def assert_equal_bits(one: Run, other: Run) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name, array in one.weights.items():
        np.testing.assert_array_equal(array.view(np.uint32), other.weights[name].view(np.uint32), err_msg=name)
    for column in ("train_loss", "test_accuracy"):
        assert one.learning[column].tolist() == other.learning[column].tolist()


class Killed(BaseException):
    """The end of a process: nobody stores anything."""


def stopped_and_killed(what: archsim.Experiment, network: Network, folder: Path, times: int = 7) -> tuple[Run, Run]:
    """Return a run that ends so many times at random events, going on from an earlier checkpoint, and a whole one."""
    events = 0

    def counted() -> bool:
        nonlocal events
        events += 1
        return False

    whole = archsim.simulate(what, data=network.data(), interrupted=counted)
    ends: list[type[BaseException]] = [Killed, Interrupted, Interrupted, Killed, Killed, Interrupted, Killed][:times]
    chance, most = random.Random(network.name), events // times
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
            archsim.simulate(what, data=network.data(), workspace=folder, resume=True, interrupted=interrupted)
        ends.pop()
        left = chance.randint(1, most)
    return archsim.simulate(what, data=network.data(), workspace=folder, resume=True), whole
