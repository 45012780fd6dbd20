"""What a stage stores where its values stay with it until others take them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archsim.schedule import Action, PipelineShape, Schedule, dry_run, make_schedule
from archsim.schedule.action_kinds import load_action_kinds
from archsim.schedule.passing_on import stored_until_taken
from archsim.schedule.specification import ScheduleSpecification


def forward_only(*stages: str) -> Schedule:
    def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
        return (Action("F", int(k)) for k in stages[stage])

    shape = PipelineShape(len(stages), 1, len(stages[0]))
    return Schedule("written", shape, "deferred", order, load_action_kinds(["F"]))


@pytest.mark.parametrize(
    ("stages", "stored"),
    [
        (["0123", "0123", "0123"], (1, 1, 1)),
        (["1023", "0123"], (2, 1)),  # 1 stays until 0 is taken.
        (["3210", "0123"], (4, 1)),
        (["0123", "3210"], (4, 1)),
        (["0123", "1032", "0123"], (2, 2, 1)),
    ],
)
def test_values_stay_until_they_are_taken(stages: list[str], stored: tuple[int, ...]) -> None:
    schedule = forward_only(*stages)
    assert stored_until_taken(schedule) == dry_run(schedule).stored_max == stored


def test_a_value_with_two_readers_stays_for_both() -> None:
    schedule = forward_only("0123", "0123", "2301")
    assert stored_until_taken(schedule, [(0, 1), (0, 2)]) == (3, 1, 1)
    assert stored_until_taken(schedule, [(0, 1)]) == (1, 1, 1)


def test_the_turns_of_a_place_count() -> None:
    """A place that does all micro-batches of one stage before those of the next one keeps all of them."""
    schedule = forward_only("0123", "0123")
    shared = Schedule(
        "written",
        PipelineShape(2, 1, 4, (0, 0)),
        "deferred",
        schedule.order,
        schedule.kinds,
        turns=lambda shape, place: iter([0, 0, 0, 0, 1, 1, 1, 1]),
    )
    assert dry_run(shared).stored_max == (4, 1)


def test_where_updates_follow_the_stage_alone_decides() -> None:
    assert stored_until_taken(make_schedule(ScheduleSpecification(kind="gpipe"), 2, 1)) is None
