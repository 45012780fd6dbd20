"""Versions of the weights between F and B: by the order of a stage alone, and as the kinds of schedules are drawn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.schedule import Action, PipelineShape, ScheduleKind, make_schedule, weight_versions
from archsim.schedule.actions import Schedule
from archsim.schedule.registered import kind_of
from archsim.schedule.specification import ScheduleSpecification


def versions(kind: str, stages: int, micro_batches: int, **keys: object) -> tuple[int, ...]:
    settings = kind_of(ScheduleSpecification(kind=kind)).Settings(kind=kind, micro_batches=micro_batches, **keys)
    return weight_versions(make_schedule(settings, stages, mini_batches=12))


@given(stages=st.integers(1, 6), micro_batches=st.integers(1, 6))
def test_one_for_each_micro_batch_in_flight_where_each_is_applied_at_once(stages: int, micro_batches: int) -> None:
    """PipeDream's stage s of M keeps M - s versions; there are as many micro-batches in flight."""
    expected = tuple(stages - s for s in range(stages))
    assert versions("asynchronous", stages, micro_batches) == expected
    assert versions("stash", stages, micro_batches) == expected


@pytest.mark.parametrize("kind", ["sequential", "gpipe", "synchronous", "interleaved", "breadth-first", "inference"])
def test_one_where_updates_wait_for_a_flush(kind: str) -> None:
    assert versions(kind, 4, 4) == (1, 1, 1, 1)


def test_a_bound_of_lateness_bounds_them() -> None:
    assert versions("bounded", 4, 1, staleness_max=0) == (1, 1, 1, 1)
    assert max(versions("bounded", 6, 1, staleness_max=2)) == 3


def test_one_on_each_set_of_crossbars() -> None:
    assert versions("two-version", 4, 4) == (2, 2, 2, 2)


def test_what_was_met_counts_until_its_backward() -> None:
    """F0 and F1 meet version 0, F2 version 1; behind U1 there is version 2, and behind B2 nothing else is needed."""

    def order(shape: PipelineShape, stage: int, settings: ScheduleSpecification) -> Iterator[Action]:
        yield from map(Action.parse, ["F0", "F1", "B0", "U0", "F2", "B1", "U1", "B2", "U2"])

    kind = ScheduleKind(order, "scheduled", "Drawn by hand.")
    made = Schedule("drawn", PipelineShape(1, 1, 3), "scheduled", lambda s, k: kind.order(s, k, None))
    assert weight_versions(made) == (2,)
