"""What schedules claim of their gradients: from the order of their actions."""

from __future__ import annotations

import pytest

from archsim.schedule import Action, Gradients, PipelineShape, dry_run, gradients_of
from archsim.schedule.actions import Schedule


@pytest.mark.parametrize(
    ("actions", "claimed"),
    [
        ("F0 F1 B0 B1 U1*2 F2 F3 B2 B3 U3*2", "exact"),
        ("F0 F1 B0 U0 B1 U1 F2 F3 B2 U2 B3 U3", "accumulated"),
        # What two updates add up to depends on their order, in the last bit.
        ("F0 F1 B0 B1 U1 U0 F2 F3 B2 B3 U3 U2", "stale"),
        # The next mini-batch has begun before the first one is applied.
        ("F0 F1 B0 U0 B1 F2 U1 B2 F3 U2 B3 U3", "stale"),
    ],
)
def test_claims_follow_from_where_updates_stand(actions: str, claimed: Gradients) -> None:
    order = [Action.parse(text) for text in actions.split()]
    schedule = Schedule("drawn", PipelineShape(1, 2, 2), "scheduled", lambda shape, stage: iter(order))
    assert gradients_of(schedule, dry_run(schedule)) == claimed
