"""Causes of waiting in a legend."""

from __future__ import annotations

import pytest

from archsim.report.causes import cause_kind, cause_styles
from archsim.report.style import CAUSE_STYLES, OTHER_COLOUR


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


def test_the_longest_waits_get_the_distinct_styles() -> None:
    idle = {f"thing {i} from x": 100 - i for i in range(len(CAUSE_STYLES) + 2)} | {"drained": 1000}
    kinds = [cause_kind(cause) for cause in idle]
    styles = cause_styles(idle, kinds)
    assert styles["drained"] == CAUSE_STYLES[0]
    assert styles[kinds[0]] == CAUSE_STYLES[1]
    assert styles[kinds[-2]] == (OTHER_COLOUR, "")
    assert len(set(styles.values())) == len(CAUSE_STYLES) + 1
