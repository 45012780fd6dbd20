"""Weights that are copied for nothing."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["copied_weights"]


def copied_weights(run: Evidence) -> Iterator[str]:
    """A schedule whose backwards meet copies that no crossbar makes."""
    if run.schedule is not None and run.schedule.stashes:
        yield (
            f"schedule.kind: {run.schedule.kind} is hypothetical: backwards meet exact copies of old weights, which no "
            "crossbar makes and whose time, energy and space are not counted"
        )
