"""The unit that works longest: what more of it could save at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Bottleneck", "bottleneck_sentence"]

#: What a unit is called, and what one that is twice as fast is.
_WORDS = {
    "nmpu": ("near-memory unit", "a unit"),
    "buffer": ("buffer port", "a port"),
    "host": ("host port", "a port"),
    "stage": ("", "a stage"),
    "stage_engine": ("", "a stage engine"),
}


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The unit with the longest busy time.

    Attributes
    ----------
    unit, component : str
        Its name in the timeline, and what it is.
    stage : int or None
        The stage whose own it is.
    layer : str
        The layer whose weights a tile holds.
    busy_ps : int
        How long it worked.
    parts_ps : mapping of str to int
        The same by the constants that it comes from, by dotted name below ``chip``; ``nmpu.timing`` and the like
        stand for clock, width and latency of a digital unit. Of a double-buffered tile, without the fill of its reads.
    """

    unit: str
    component: str
    stage: int | None
    layer: str
    busy_ps: int
    parts_ps: Mapping[str, int]

    @classmethod
    def from_json(cls, values: dict[str, Any] | None) -> Bottleneck | None:
        """Return what was written as plain values."""
        return None if values is None else cls(**values)


def bottleneck_sentence(bottleneck: Bottleneck, makespan_ps: int) -> str:
    """Return the bottleneck in a sentence: which unit, how busy, and what doubling its speed saves at most.

    A bound: the makespan holds each unit's work at most once, so this unit alone, twice as fast under the same order
    of work, saves half its busy time or less.
    """
    share = bottleneck.busy_ps / makespan_ps
    name, faster = _WORDS.get(bottleneck.component, ("", f"a {bottleneck.component}"))
    name = name or bottleneck.unit
    if bottleneck.stage is not None and bottleneck.component != "stage":
        name += f" of stage {bottleneck.stage}"
    if bottleneck.layer:
        name += f" ({bottleneck.layer})"
    return f"{name}, {_percent(share)} busy: {faster} twice as fast saves at most {_percent(share / 2)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
