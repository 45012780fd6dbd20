"""Units and buffers in time: order, causes of waiting, back-pressure."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.chip.components import NO_WORK_YET, BufferSpace, Unit
from archsim.engine.events.kernel import Kernel
from archsim.results.timeline import Timeline


@dataclass
class Job:
    """A job of a given length that notes when it started and ended."""

    kernel: Kernel
    duration_ps: int
    micro_batch: int = 0
    layer: int = 0
    phase: str = "F"
    times: list[int] = field(default_factory=list)

    def start(self) -> int:
        self.times.append(self.kernel.now)
        return self.duration_ps

    def finish(self) -> None:
        self.times.append(self.kernel.now)


class Request:
    """Asks for a unit when it is called back."""

    def __init__(self, unit: Unit, job: Job, cause: int) -> None:
        self.unit, self.job, self.cause = unit, job, cause

    def make(self) -> None:
        self.unit.request(self.job, self.cause)


jobs = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=30)


@given(jobs)
def test_unit_serves_one_job_at_a_time_in_the_order_of_requests(asked: list[tuple[int, int]]) -> None:
    kernel, timeline = Kernel(), Timeline()
    unit = Unit(kernel, timeline, "tile 0", "tile", 0)
    cause = timeline.cause("input")
    made = [Job(kernel, duration, k) for k, (_, duration) in enumerate(asked)]
    for job, (at, _) in zip(made, asked, strict=True):
        kernel.after(at, Request(unit, job, cause).make)
    kernel.advance()
    end = 0
    for job, (at, duration) in sorted(zip(made, asked, strict=True), key=lambda pair: pair[1][0]):
        start = max(at, end)
        assert job.times == [start, start + duration]
        end = start + duration
    timeline.close(kernel.now)
    idle = timeline.idle_by_cause(unit.number)
    assert timeline.busy_ps(unit.number) == sum(duration for _, duration in asked)
    assert sum(idle.values()) + timeline.busy_ps(unit.number) == kernel.now
    assert idle.get(NO_WORK_YET, 0) == min(at for at, _ in asked)


def test_events_at_one_time_run_in_the_order_in_which_they_were_entered() -> None:
    kernel, seen = Kernel(), []

    class Call:
        def __init__(self, name: str) -> None:
            self.name = name

        def back(self) -> None:
            seen.append((kernel.now, self.name))

    for name, delay in (("a", 5), ("b", 3), ("c", 5), ("d", 3), ("e", 0)):
        kernel.after(delay, Call(name).back)
    assert kernel.advance()
    assert seen == [(0, "e"), (3, "b"), (3, "d"), (5, "a"), (5, "c")]


class Claimant:
    """Notes when it was admitted, and whether it had to wait."""

    def __init__(self, name: str, log: list[tuple[str, bool]]) -> None:
        self.name, self.log = name, log

    def admitted(self, waited: bool) -> None:
        self.log.append((self.name, waited))


def test_buffer_admits_in_order_and_counts_its_peak() -> None:
    log: list[tuple[str, bool]] = []
    space = BufferSpace("buffer 0", 10)
    for name, size in (("a", 6), ("b", 5), ("c", 1)):
        space.claim(size, Claimant(name, log))
    # c would fit beside a, but b was first.
    assert log == [("a", False)]
    assert space.waiting == 2
    space.release(6)
    assert log == [("a", False), ("b", True), ("c", True)]
    assert (space.used, space.peak) == (6, 6)


def test_buffer_without_limit_admits_everybody() -> None:
    log: list[tuple[str, bool]] = []
    space = BufferSpace("buffer 0", None)
    for k in range(5):
        space.claim(10**12, Claimant(str(k), log))
    assert [waited for _, waited in log] == [False] * 5


def test_a_call_that_could_not_be_stored_is_refused_when_a_checkpoint_is_taken() -> None:
    kernel = Kernel()
    kernel.after(1, lambda: None)
    with pytest.raises(TypeError, match="only methods of objects"):
        kernel.__getstate__()
