"""The dry run finds what a schedule does wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from archsim.errors import Deadlock
from archsim.schedule import Action, PipelineShape, Schedule, checked_profile, dry_run, make_schedule
from archsim.schedule.checks import ScheduleError, StageCycles
from archsim.schedule.specification import ScheduleSpecification

SHAPE = PipelineShape(stages=2, mini_batches=1, micro_batches=2)


def written(*stages: str) -> Schedule:
    """Return a schedule whose stages do what is written."""

    def order(shape: PipelineShape, stage: int) -> Iterator[Action]:
        yield from map(Action.parse, stages[stage].split())

    return Schedule("written", SHAPE, "immediate", order)


GOOD = "F0 F1 B0 U0 B1 U1"


def test_a_good_schedule_passes() -> None:
    profile = dry_run(written(GOOD, GOOD))
    assert profile.actions == 12
    assert profile.in_flight_max == (2, 2)
    assert profile.stored_max == (2, 2)


def test_waiting_in_a_circle_is_spelt_out() -> None:
    with pytest.raises(Deadlock, match=r"stage 0 waits to do B0, for gradient 0 from stage 1, which is at F1") as found:
        dry_run(written("F0 B0 U0 F1 B1 U1", "F1 B1 U1 F0 B0 U0"))
    assert "stage 1 waits to do F1, for input 1 from stage 0, which is at B0" in str(found.value)


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ("F0 F1 B0 U0 B1", "stage 1 leaves out U1: it does U for 1 of 2"),
        ("F0 B0 U0", "stage 1 leaves out F1: it does F for 1 of 2"),
        ("F0 F0 B0 U0 F1 B1 U1", "stage 1 does F0 twice"),
        ("F0 B0 U0 B0 F1 B1 U1", "stage 1 does B0 twice"),
        ("F0 U0 B0 F1 B1 U1", "stage 1 does U0 before B0"),
        ("F0 B0 U0 U0 F1 B1 U1", "stage 1 does U0 twice"),
        ("F0 F1 B0 B1 U1*2 U1", r"stage 1 does U1 twice"),
        ("F0 F1 B0 U0 B1 U1*2", r"stage 1 does U1\*2, and so U0, twice"),
        ("F0 B0 U1*2 F1 B1", r"stage 1 does U1\*2 before B1"),
        ("F0 F1 F2 B0 U0 B1 U1", "stage 1 does F2 of the micro-batches 0 to 1"),
        ("F0 F1 B0 U0 B2 B1 U1", "stage 1 does B2 of the micro-batches 0 to 1"),
        ("F0 B0 U0 F1 B1 X1 U1", "stage 1 is to do X1, and this schedule's actions are F, B, U"),
        ("F0 F1 B1*2 U0 U1", r"stage 1 does B1\*2, so B with 2 micro-batches at once"),
    ],
)
def test_what_is_missing_doubled_or_too_early_is_named(stage: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        dry_run(written(GOOD, stage))


def test_uneven_stages_wait_for_the_slowest() -> None:
    cycles = (StageCycles(1, 1, 0), StageCycles(5, 5, 2))
    # Stage 1: F0 1..6, F1 6..11, B0 11..16, U0 ..18, B1 18..23, U1 ..25; stage 0 ends with B1 at 24.
    assert dry_run(written(GOOD, GOOD), cycles).makespan == 25


def test_a_very_long_schedule_is_checked_as_far_as_it_takes_to_repeat() -> None:
    specification = ScheduleSpecification(kind="asynchronous", micro_batches=1)
    short, long = (make_schedule(specification, 4, mini_batches) for mini_batches in (1_000, 10**9))
    assert checked_profile(short) == dry_run(short)
    assert checked_profile(long).stored_max == checked_profile(short).stored_max == (4, 3, 2, 1)
