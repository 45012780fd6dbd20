"""Causes of waiting for a legend: kinds instead of names, the longest waits first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from archsim.report.style import CAUSE_STYLES, OTHER_COLOUR
from archsim.results.timeline import DRAINED, NO_WORK

__all__ = ["OTHER_CAUSES", "cause_kind", "cause_styles"]

#: What the causes beyond the styles at hand are called together.
OTHER_CAUSES = "other causes"

# Where the name of a unit begins in a cause, and what is kept before it.
_NAMES = ((" from ", ""), (" of ", ""), (" in ", ""), (" unit ", " unit"))


def cause_kind(cause: str) -> str:
    """Return a cause without the name of whom is waited for, ``waiting for input`` for any neighbour."""
    if cause == DRAINED or cause.startswith(NO_WORK):
        return cause
    for marker, kept in _NAMES:
        head, found, _ = cause.partition(marker)
        if found:
            cause = head + kept
            break
    return cause if cause.startswith("waiting") else f"waiting for {cause}"


def cause_styles(idle_ps: Mapping[str, int], kinds: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (fill, hatch) of each kind of cause; `idle_ps` (by cause, of the whole run) ranks them."""
    totals: dict[str, int] = {}
    for cause, time in idle_ps.items():
        totals[cause_kind(cause)] = totals.get(cause_kind(cause), 0) + time
    ranked = sorted(totals, key=lambda kind: (-totals[kind], kind))
    known = dict(zip(ranked, CAUSE_STYLES, strict=False))
    return {kind: known.get(kind, (OTHER_COLOUR, "")) for kind in kinds}
