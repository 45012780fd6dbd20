"""Observations and tallies as plain JSON values, and back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from archsim.chip.counts import CountKey, UnitTime
from archsim.results.bottleneck import Bottleneck
from archsim.results.observations import Observations
from archsim.results.tally import Tally

__all__ = ["observations_from_json", "observations_to_json", "tally_from_json", "tally_to_json"]

_TUPLES = (
    "staleness",
    "in_flight_max",
    "stored_max",
    "stage_busy_ps",
    "stages",
    "updates",
    "places",
    "place_busy_ps",
    "stage_buffer_bytes",
)


def observations_to_json(observations: Observations) -> dict[str, Any]:
    """Return observations as JSON values; mappings with composite keys become lists of rows."""
    values = {name: getattr(observations, name) for name in Observations.__dataclass_fields__}
    return values | {
        "counts": [[*key, count] for key, count in observations.counts.items()],
        "units": [list(asdict(unit).values()) for unit in observations.units],
        "idle_ps": [[*key, time] for key, time in observations.idle_ps.items()],
        "bottleneck": None if observations.bottleneck is None else asdict(observations.bottleneck),
    }


def observations_from_json(values: dict[str, Any]) -> Observations:
    """Return the observations that `observations_to_json` wrote."""
    return Observations(
        **values
        | {
            "counts": {CountKey(*key): count for *key, count in values["counts"]},
            "units": tuple(UnitTime(*unit) for unit in values["units"]),
            "idle_ps": {(unit, cause): time for unit, cause, time in values["idle_ps"]},
            "bottleneck": Bottleneck.from_json(values["bottleneck"]),
            "handovers": tuple((sent, source, to, target) for sent, source, to, target in values.get("handovers", ())),
            **{name: tuple(values[name]) for name in _TUPLES if name in values},
        }
    )


def tally_to_json(tally: Tally | None) -> dict[str, Any] | None:
    """Return a tally as JSON values."""
    if tally is None:
        return None
    return {
        "counts": [[*operation, count] for operation, count in tally.counts.items()],
        "times_ps": {component: list(times) for component, times in tally.times_ps.items()},
    }


def tally_from_json(values: dict[str, Any] | None) -> Tally | None:
    """Return the tally that `tally_to_json` wrote."""
    if values is None:
        return None
    return Tally(
        counts={(component, operation): count for component, operation, count in values["counts"]},
        times_ps={name: (active, idle, gated) for name, (active, idle, gated) in values["times_ps"].items()},
    )
