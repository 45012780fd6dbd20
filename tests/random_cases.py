"""How many random cases a test tries: few with every change, many where somebody asks for them."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["tried"]


def tried(cases: int) -> settings:
    """Return settings for a number of cases; the environment variable ``ARCHSIM_CASES`` asks for so many times more."""
    return settings(
        max_examples=cases * int(os.environ.get("ARCHSIM_CASES", "1")),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
    )
