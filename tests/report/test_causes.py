"""Causes of waiting in a legend."""

from __future__ import annotations

import pytest

from archsim.report.causes import cause_kind, cause_styles
from archsim.report.style import CAUSE_STYLES, OTHER_COLOUR
from tests.integration.experiments import digits


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("input from stage 1", "waiting for input"),
        ("waiting for input from host", "waiting for input"),
        ("space in buffer 3", "waiting for space"),
        ("demand of stage 2", "waiting for demand"),
        ("waiting for unit nmpu 0", "waiting for unit"),
        ("its own forward", "waiting for its own forward"),
        ("no work yet", "no work yet"),
        ("no work", "no work"),
        ("drained", "drained"),
    ],
)
def test_a_kind_of_cause_names_no_unit(cause: str, kind: str) -> None:
    assert cause_kind(cause) == kind


def test_a_kind_looks_the_same_in_every_report() -> None:
    kinds = ["waiting for gradient", "drained", "waiting for a friend"]
    styles = cause_styles(kinds)
    assert styles == cause_styles(kinds[:2]) | cause_styles(kinds[2:])
    assert styles["waiting for a friend"] == (OTHER_COLOUR, "")
    assert len(set(CAUSE_STYLES.values())) == len(CAUSE_STYLES)


def test_every_cause_of_a_simulation_has_a_style() -> None:
    for kind in ("gpipe", "asynchronous"):
        run = digits(
            f"schedule.kind={kind}",
            "schedule.micro_batches=4",
            "training.max_mini_batches=4",
            "chip.buffer.capacity=9600 B",
        )
        causes = {cause_kind(cause) for _, cause in run.observations.idle_ps}
        assert causes <= CAUSE_STYLES.keys()
