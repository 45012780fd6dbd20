"""What schedules claim of their gradients: from the order of their actions."""

from __future__ import annotations

import pytest

from archsim.schedule import Action, Gradients, PipelineShape, Schedule, dry_run, gradients_of, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification


@pytest.mark.parametrize(
    ("actions", "claimed"),
    [
        ("F0 F1 B0 B1 U1*2 F2 F3 B2 B3 U3*2", "exact"),
        ("F0 F1 B0 U0 B1 U1 F2 F3 B2 U2 B3 U3", "accumulated"),
        # What two updates add up to depends on their order, in the last bit.
        ("F0 F1 B0 B1 U1 U0 F2 F3 B2 B3 U3 U2", "stale"),
        # The next mini-batch has begun before the first one is applied.
        ("F0 F1 B0 U0 B1 F2 U1 B2 F3 U2 B3 U3", "stale"),
        # A later mini-batch need not do what the first one does.
        ("F0 F1 B0 B1 U1*2 F2 F3 F4 F5 B2 B3 B4 B5 U3*2 U5*2", "stale"),
        ("F0 F1 B0 B1 U0 U1 F2 F3 F4 F5 B2 B3 B4 U2 U3 B5 U4 U5", "stale"),
        ("F0 F1 B0 B1 U1*2 F2 F3 B2 B3 U2 U3", "accumulated"),
        ("F0 F1 B0 B1 U1*2 F2 F3 B2 U2 B3 U3", "accumulated"),
    ],
)
def test_claims_follow_from_where_updates_stand(actions: str, claimed: Gradients) -> None:
    order = [Action.parse(text) for text in actions.split()]
    mini_batches = actions.count("F") // 2
    schedule = Schedule("drawn", PipelineShape(1, mini_batches, 2), "scheduled", lambda shape, stage: iter(order))
    assert gradients_of(schedule, dry_run(schedule)) == claimed


@pytest.mark.parametrize("kind", ["synchronous", "gpipe", "interleaved", "breadth-first"])
def test_a_flush_is_not_enough_where_digital_parameters_step_with_each_update(kind: str) -> None:
    found = {}
    for update in ("immediate", "deferred"):
        settings = ScheduleSpecification(kind=kind, update=update, micro_batches=4)
        schedule = make_schedule(kind_of(settings).Settings.model_validate(settings.model_dump()), 4, 2)
        found[update] = gradients_of(schedule, dry_run(schedule))
    assert found == {"immediate": "stale", "deferred": "exact"}
