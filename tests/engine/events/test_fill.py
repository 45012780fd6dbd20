"""How full a buffer was: exact while there is room, never below the truth afterwards."""

from __future__ import annotations

from bisect import bisect_right
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from archsim.engine.events.fill import MOST_POINTS, FillCurve
from tests.integration.experiments import digits


def followed(changes: list[tuple[int, int]]) -> FillCurve:
    clock = SimpleNamespace(now=0)
    curve = FillCurve(clock)
    for step, size in changes:
        clock.now += step
        curve.level(size)
    return curve


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 9)), max_size=50))
def test_few_changes_are_kept_as_they_are(changes: list[tuple[int, int]]) -> None:
    times = [sum(step for step, _ in changes[: i + 1]) for i in range(len(changes))]
    assert list(followed(changes).points()) == list(zip(times, [size for _, size in changes], strict=True))


def test_of_changes_at_one_moment_the_last_counts() -> None:
    assert list(followed([(5, 7), (0, 3)]).points()) == [(5, 3)]


@given(st.integers(MOST_POINTS + 1, 3 * MOST_POINTS), st.integers(1, 1000))
def test_many_changes_are_joined_and_never_fall_below_the_truth(count: int, factor: int) -> None:
    changes = [(1 + (i * factor) % 3, (i * factor) % 101) for i in range(count)]
    points = list(followed(changes).points())
    assert len(points) <= MOST_POINTS
    times, levels = zip(*points, strict=True)
    assert list(times) == sorted(times)
    assert max(levels) == max(size for _, size in changes)
    assert levels[-1] == changes[-1][1]
    now = 0
    for step, size in changes:
        now += step
        assert levels[bisect_right(times, now) - 1] >= size


def test_a_run_tells_how_full_its_buffers_were() -> None:
    run = digits("chip.buffer.capacity=11520 B", "training.max_mini_batches=6")
    assert set(run.buffers["buffer"]) == {"buffer 0", "buffer 1", "buffer 2"}
    for _, curve in run.buffers.groupby("buffer"):
        assert curve["time_ps"].is_monotonic_increasing
        assert curve["claimed_bytes"].between(0, 11520).all()
        assert curve["claimed_bytes"].iloc[-1] == 0
