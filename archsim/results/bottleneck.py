"""The unit that bounds the time, in a sentence: by the critical path, or the one that works longest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from archsim.explanation import percent
from archsim.units import format_duration

if TYPE_CHECKING:
    from archsim.results.critical_path import CriticalPath

__all__ = ["Bottleneck", "bottleneck_sentence", "critical_sentence", "unit_name"]

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
    name = unit_name(bottleneck.unit, bottleneck.component, bottleneck.stage, bottleneck.layer)
    faster = _faster(bottleneck.component)
    return f"{name}, {_percent(share)} busy: {faster} twice as fast saves at most {_percent(share / 2)}"


def critical_sentence(found: CriticalPath, makespan_ps: int) -> str:
    """Return the unit whose halving gains most in a sentence: how long it is on the critical path, and the gain.

    Gains are exact where each action is the work of one unit and nothing lies between actions. Else they are told as
    about so much: within an action only the jobs that decided its end are taken to be shorter, and the order in which
    units serve jobs stays as it was.
    """
    best = found.best
    if best is None:
        raise ValueError("nothing is on this critical path")
    stage = None if best["stage"] is pd.NA else int(best["stage"])
    name = unit_name(best["unit"], best["component"], stage, best["layer"])
    about = "" if found.exact else "about "
    said = f"{name}, on the critical path for {percent(best['share'])} of the time: "
    said += f"{_faster(best['component'])} twice as fast saves {about}{percent(best['gain'])}"
    units = found.units
    alike = units[(units["component"] == best["component"]) & (units["action"] == "")]
    together = alike[alike["unit"] == ""]["gain"]
    if len(alike) > 2 and len(together) and together.notna().all():
        said += f", all of them {about}{percent(float(together.iloc[0]))}"
    if found.until_ps < makespan_ps:
        said += f" (by the first {format_duration(found.until_ps)})"
    return said


def unit_name(unit: str, component: str, stage: int | None, layer: str) -> str:
    """Return what a unit is called, with the stage and the layer that it works for."""
    name = _WORDS.get(component, ("", ""))[0] or unit
    if stage is not None and component != "stage":
        name += f" of stage {stage}"
    return f"{name} ({layer})" if layer else name


def _faster(component: str) -> str:
    return _WORDS.get(component, ("", f"a {component}"))[1]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
