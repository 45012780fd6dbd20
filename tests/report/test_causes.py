"""Causes of waiting in a legend."""

from __future__ import annotations

import re

import pytest

from archsim.report.causes import cause_kind, cause_styles
from archsim.report.style import CAUSE_STYLES, OTHER_COLOUR
from tests.integration.experiments import digits


@pytest.fixture(scope="module")
def causes() -> set[str]:
    """Return why units waited in runs with neighbours, flushes and small buffers."""
    return {
        cause
        for kind in ("gpipe", "asynchronous")
        for _, cause in digits(
            f"schedule.kind={kind}",
            "schedule.micro_batches=4",
            "training.max_mini_batches=4",
            "chip.buffer.capacity=3904 B",
            "chip.host.bytes_per_cycle=1",
        ).observations.idle_ps
    }


def test_a_kind_of_cause_names_no_unit(causes: set[str]) -> None:
    """Causes that begin alike are one kind, whoever is waited for; others are not."""
    kinds = {(cause.split()[0], cause_kind(cause)) for cause in causes}
    assert len(kinds) == len(dict(kinds)) == len({kind for _, kind in kinds})
    assert {"gradient", "space"} < dict(kinds).keys()
    assert len(kinds) < len(causes)
    assert not any(re.search(r"\d", kind) for _, kind in kinds)


def test_the_kind_of_a_cause_is_said_in_one_way() -> None:
    assert cause_kind("tea from stage 1") == cause_kind("waiting for tea from host") == "waiting for tea"


def test_a_kind_looks_the_same_in_every_report() -> None:
    kinds = ["waiting for gradient", "drain", "waiting for a friend"]
    styles = cause_styles(kinds)
    assert styles == cause_styles(kinds[:2]) | cause_styles(kinds[2:])
    assert styles["waiting for a friend"] == (OTHER_COLOUR, "")
    assert len(set(CAUSE_STYLES.values())) == len(CAUSE_STYLES)


def test_every_cause_of_a_simulation_has_a_style(causes: set[str]) -> None:
    assert {cause_kind(cause) for cause in causes} <= CAUSE_STYLES.keys()


def test_idle_time_before_and_after_all_work_is_called_as_in_schedules() -> None:
    assert [cause_kind(cause) for cause in ("no work yet", "drained", "no work")] == ["fill", "drain", "fill"]
