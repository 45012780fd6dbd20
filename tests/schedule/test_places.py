"""Which place holds each stage."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

import archsim
from archsim.errors import InputError
from archsim.plugins import registry
from archsim.schedule import places_of
from archsim.schedule.generators import asynchronous
from archsim.schedule.specification import ScheduleSpecification


def places(stages: object, given: object, kind: str = "asynchronous") -> tuple[int, ...]:
    return places_of(ScheduleSpecification.model_validate({"kind": kind, "stages": stages, "places": given}))


def test_every_stage_has_a_place_of_its_own_unless_told_otherwise() -> None:
    assert places(3, None) == (0, 1, 2)
    assert places((("a", "b"), ("c",)), None) == (0, 1)


def test_a_number_of_places_takes_the_stages_in_turn() -> None:
    assert places(4, 2) == (0, 1, 0, 1)
    assert places(5, 1) == (0,) * 5
    assert places(3, 3) == (0, 1, 2)


def test_a_list_gives_each_stage_its_place() -> None:
    assert places(4, (0, 1, 1, 0)) == (0, 1, 1, 0)


@pytest.mark.parametrize(
    ("stages", "given", "problem"),
    [
        (3, 4, "every place holds at least one stage"),
        (3, (0, 1), "one entry for each stage"),
        (3, (0, 2, 0), "place 1 holds no stage"),
        (2, (1, 1), "place 0 holds no stage"),
        (3, (0, 1, 10**18), "place 2 holds no stage"),  # Nothing as long as that number is made.
    ],
)
def test_what_cannot_be_is_refused(stages: int, given: object, problem: str) -> None:
    with pytest.raises(InputError, match=problem) as refused:
        places(stages, given)
    assert refused.value.field == "schedule.places"
    assert refused.value.allowed


@pytest.fixture
def folded() -> Iterator[str]:
    """A kind of schedule that folds the pipeline in two."""

    def fold(stages: int) -> tuple[int, ...]:
        return tuple(min(stage, stages - 1 - stage) for stage in range(stages))

    archsim.register("schedule", "folded", replace(asynchronous, places=fold))
    yield "folded"
    registry._REGISTERED["archsim.schedules"].pop("folded")


def test_a_kind_of_schedule_may_have_places_of_its_own(folded: str) -> None:
    assert places(4, None, folded) == (0, 1, 1, 0)
    assert places(4, 4, folded) == (0, 1, 2, 3)
