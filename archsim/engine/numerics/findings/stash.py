"""Weights that are copied as no crossbar copies them."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence
from archsim.schedule.specification import copy_noise

__all__ = ["copied_weights"]


def copied_weights(run: Evidence) -> Iterator[str]:
    """A schedule whose reads or updates meet copies that no crossbar makes."""
    if run.schedule is not None and run.schedule.stashes:
        yield (
            f"schedule.kind: {run.schedule.kind} is hypothetical: backwards meet exact copies of old weights, which no "
            "crossbar makes and whose time, energy and space are not counted"
        )
    elif run.schedule is not None and run.schedule.weight_sets > 1 and copy_noise(run.schedule.settings) is None:
        yield (
            "schedule.copies: exact is hypothetical: conductances are copied without an error and onto equal devices, "
            "which no crossbar does; their time and energy are counted"
        )
