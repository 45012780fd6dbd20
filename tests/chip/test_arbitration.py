"""Policies of arbitration: small cases by hand."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip.arbitration import Arbitration, FirstComeFirstServed, Priority, RoundRobin, arbiter_of
from archsim.chip.components import Unit
from archsim.document import load_experiment
from archsim.errors import InputError
from archsim.results.timeline import Timeline

WORKLOAD = "workloads/mlp_digits.yaml"


class Clock:
    """Calls back at the right time, in order."""

    def __init__(self) -> None:
        self.now = 0
        self._calls: list[tuple[int, int, Callable[[], Any]]] = []
        self._count = 0

    def after(self, delay_ps: int, call: Callable[[], Any]) -> None:
        self._count += 1
        heapq.heappush(self._calls, (self.now + delay_ps, self._count, call))

    def run(self) -> None:
        while self._calls:
            self.now, _, call = heapq.heappop(self._calls)
            call()


class Job:
    """Ten picoseconds of work; notes its name when it is done."""

    layer = 0
    micro_batch = 0

    def __init__(self, done: list[str], stage: int, phase: str, number: int = 0) -> None:
        self.stage, self.phase = stage, phase
        self._done, self.name = done, f"{phase}{number}@{stage}"

    def start(self) -> int:
        return 10

    def finish(self) -> None:
        self._done.append(self.name)


def served(policy: Arbitration, *jobs: tuple[int, str]) -> list[str]:
    """Return the order in which a unit serves jobs of stages and phases that ask at one moment."""
    clock, timeline, done = Clock(), Timeline(), list[str]()
    unit = Unit(clock, timeline, "nmpu 0", "nmpu", None, arbiter_of(policy))
    counts: dict[tuple[int, str], int] = {}
    for stage, phase in jobs:
        number = counts[stage, phase] = counts.get((stage, phase), -1) + 1
        unit.request(Job(done, stage, phase, number), 0)
    clock.run()
    assert clock.now == 10 * len(jobs)
    assert sorted(done) == sorted(
        f"{phase}{n}@{stage}" for (stage, phase), last in counts.items() for n in range(last + 1)
    )
    return done


JOBS = ((0, "F"), (0, "F"), (0, "F"), (2, "B"), (1, "F"), (2, "F"), (1, "U"))


def test_first_come_first_served_is_the_order_of_requests() -> None:
    assert served(FirstComeFirstServed(), *JOBS) == ["F0@0", "F1@0", "F2@0", "B0@2", "F0@1", "F0@2", "U0@1"]


def test_round_robin_goes_from_stage_to_stage() -> None:
    assert served(RoundRobin(), *JOBS) == ["F0@0", "F0@1", "B0@2", "F1@0", "U0@1", "F0@2", "F2@0"]


def test_round_robin_counts_on_from_the_stage_that_was_served() -> None:
    assert served(RoundRobin(), (1, "F"), (0, "F"), (1, "F"), (2, "F")) == ["F0@1", "F0@2", "F0@0", "F1@1"]


def test_priority_serves_the_most_urgent_action_first() -> None:
    assert served(Priority(), *JOBS) == ["F0@0", "B0@2", "F1@0", "F2@0", "F0@1", "F0@2", "U0@1"]
    updates_first = Priority(order=("U", "B"))
    assert served(updates_first, *JOBS) == ["F0@0", "U0@1", "B0@2", "F1@0", "F2@0", "F0@1", "F0@2"]


@given(st.lists(st.tuples(st.integers(-1, 3), st.sampled_from("FBUP")), min_size=1, max_size=12))
def test_round_robin_waits_for_no_more_than_one_job_of_every_other_stage(jobs: list[tuple[int, str]]) -> None:
    order = [name.partition("@")[2] for name in served(RoundRobin(), *jobs)]
    for position, stage in enumerate(order):
        until = order.index(stage, position + 1) if stage in order[position + 1 :] else len(order)
        between = order[position + 1 : until]
        assert stage in order[until:] or until == len(order)
        if until < len(order):
            assert len(between) == len({*between})


@pytest.mark.parametrize("policy", ["round-robin", "priority"])
@pytest.mark.parametrize("place", ["chip.arbitration", "chip.interconnect.arbitration"])
def test_a_bare_name_stands_for_a_policy(place: str, policy: str) -> None:
    chip = load_experiment(WORKLOAD, [f"{place}={policy}"]).chip
    assert chip.interconnect is not None
    found = chip.arbitration if place == "chip.arbitration" else chip.interconnect.arbitration
    assert found.kind == policy
    assert load_experiment(WORKLOAD).chip.arbitration == FirstComeFirstServed()


@pytest.mark.parametrize(
    ("order", "problem"), [("[B, X]", "'X' is no kind of action"), ("[B, F, B]", "'B' stands twice")]
)
def test_a_priority_of_no_action_or_of_one_twice_is_refused(order: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        load_experiment(WORKLOAD, [f"chip.arbitration={{kind: priority, order: {order}}}"])
    assert refused.value.field == "chip.arbitration.order"
    assert refused.value.value
    assert refused.value.remedy
