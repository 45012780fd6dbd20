"""Policies of arbitration in whole runs: they change when, never what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
import pytest

import archsim
from archsim.chip.arbitration import Arbitration, WaitingJob
from archsim.plugins import registry

from .experiments import WORKLOADS, digits

POLICIES = ["first-come-first-served", "round-robin", "priority", "{kind: priority, order: [F]}"]


def unit(policy: str, kind: str = "inference", places: int = 1) -> archsim.Run:
    sets = (
        f"schedule.kind={kind}",
        "schedule.stages=4",
        f"schedule.places={places}",
        "schedule.micro_batches=8",
        "training.mini_batch=8",
        "training.max_mini_batches=1",
        f"chip.arbitration={policy}",
    )
    return archsim.simulate(archsim.load_experiment(WORKLOADS / "pipeline_unit.yaml", sets, "timing"))


@pytest.mark.parametrize("policy", POLICIES)
def test_an_engine_that_never_waits_takes_as_long_in_any_order(policy: str) -> None:
    assert unit(policy).observations.makespan_ps == 32_000
    assert unit(policy, "synchronous").observations.makespan_ps == 64_000


def test_backward_first_finishes_a_micro_batch_before_another_one_is_begun() -> None:
    first = {order: unit(f"{{kind: priority, order: [{order}]}}", "asynchronous").metrics for order in "FB"}
    assert first["B"]["latency_ps"] < first["F"]["latency_ps"]


def test_of_two_stages_one_is_served_while_the_other_waits() -> None:
    """There is nothing to choose from, so policies agree."""
    assert len({unit(policy, "asynchronous", 2).metrics["latency_ps"] for policy in POLICIES}) == 1


def crowded_bus(policy: str, mode: str = "timing") -> archsim.Run:
    """Simulate eight stages that send their messages over a narrow bus."""
    sets = (
        "chip=reram-1024",
        "schedule.kind=asynchronous",
        "schedule.stages=8",
        "schedule.micro_batches=4",
        "training.mini_batch=4",
        "training.max_mini_batches=2",
        "chip.interconnect.kind=bus",
        "chip.interconnect.bytes_per_cycle=1",
        f"chip.interconnect.arbitration={policy}",
    )
    return archsim.simulate(archsim.load_experiment(WORKLOADS / "pipeline_unit.yaml", sets, mode))


def test_links_are_arbitrated_too() -> None:
    runs = {policy: crowded_bus(policy) for policy in POLICIES}
    assert len({run.metrics["makespan_ps"] for run in runs.values()}) > 2
    assert len({run.metrics["bytes_received"] for run in runs.values()}) == 1
    assert len({byte_hops(run) for run in runs.values()}) == 1


def byte_hops(run: archsim.Run) -> int:
    return sum(count for key, count in run.observations.counts.items() if key.operation == "byte_hop")


@pytest.mark.parametrize("policy", POLICIES[1:])
def test_what_is_computed_is_the_same_under_any_policy(policy: str) -> None:
    shared = ("chip=unit", "schedule.places=1")
    usual, other = digits(*shared), digits(*shared, f"chip.arbitration={policy}")
    for name, weights in usual.weights.items():
        np.testing.assert_array_equal(weights, other.weights[name])
    assert other.metrics["makespan_ps"] == usual.metrics["makespan_ps"]


class LastComeFirstServed(Arbitration):
    """The newest first."""

    kind: Literal["last-come-first-served"] = "last-come-first-served"

    def choose(self, waiting: Sequence[WaitingJob], served: WaitingJob) -> int:
        return len(waiting) - 1


@pytest.fixture
def last() -> Iterator[str]:
    archsim.register("arbitration", "last-come-first-served", LastComeFirstServed)
    yield "last-come-first-served"
    registry._REGISTERED["archsim.arbitrations"].pop("last-come-first-served")


def test_a_policy_from_outside_runs(last: str) -> None:
    assert unit(last).observations.makespan_ps == 32_000
    usual, newest = crowded_bus(POLICIES[0]), crowded_bus(last)
    assert newest.metrics["makespan_ps"] != usual.metrics["makespan_ps"]
    assert newest.metrics["bytes_received"] == usual.metrics["bytes_received"]
