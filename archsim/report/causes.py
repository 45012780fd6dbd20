"""Causes of waiting in a figure: kinds instead of names, each with its own colour and hatch."""

from __future__ import annotations

from collections.abc import Iterable

from archsim.explanation import DRAIN, FILL, FLUSH
from archsim.report.style import CAUSE_STYLES, OTHER_COLOUR
from archsim.results.bubble import ENDS

__all__ = ["OTHER_CAUSES", "cause_kind", "cause_styles"]

#: What the causes without a style of their own are called together.
OTHER_CAUSES = "other causes"

# Where the name of a unit begins in a cause, and what is kept before it.
_NAMES = ((" from ", ""), (" of ", ""), (" in ", ""), (" unit ", " unit"))


def cause_kind(cause: str) -> str:
    """Return a cause without the name of whom is waited for, ``waiting for input`` for any neighbour.

    Before the first work and after the last one are *fill* and *drain*, whoever tells them.
    """
    if cause in ENDS:
        return ENDS[cause]
    if cause in (DRAIN, FILL, FLUSH):
        return cause
    for marker, kept in _NAMES:
        head, found, _ = cause.partition(marker)
        if found:
            cause = head + kept
            break
    return cause if cause.startswith("waiting") else f"waiting for {cause}"


def cause_styles(kinds: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (fill, hatch) of each kind of cause; a kind without a style of its own has no hatch."""
    return {kind: CAUSE_STYLES.get(kind, (OTHER_COLOUR, "")) for kind in kinds}
