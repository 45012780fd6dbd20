"""Writes of weights for which a chip states no time."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.engine.numerics.findings.evidence import Evidence

__all__ = ["writes_without_time"]


def writes_without_time(run: Evidence) -> Iterator[str]:
    """Layers that take the same tiles in turn, on a chip of stage engines."""
    schedule, seen = run.schedule, run.observations
    if schedule is not None and schedule.shares_tiles and seen.makespan_ps and not seen.tiles:
        yield (
            f"schedule.kind: {schedule.kind} writes layers anew, and a stage engine states neither time nor energy for "
            "that: this run has none of it; take a chip of tiles"
        )
