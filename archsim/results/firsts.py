"""Which point of several is first at a target accuracy, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import stdtrit

from archsim.results.collection import RunCollection
from archsim.units import format_duration, format_energy

__all__ = ["firsts"]

#: Probability with which the confidence interval of a difference contains it.
_CONFIDENCE = 0.95


def firsts(runs: RunCollection, accuracy: float | None = None) -> list[str]:
    """Return sentences on which point is first at a target accuracy, in simulated time and in energy.

    Parameters
    ----------
    runs : RunCollection
        The runs; points that miss the target under a seed are named, and not ranked.
    accuracy : float, optional
        The target; that of the experiments, where all have the same, if it is None.
    """
    if accuracy is None:
        targets = {run.target for run in runs}
        accuracy = next(iter(targets))[0] if len(targets) == 1 else None
    if accuracy is None or len(runs.points) < 2:
        return []
    ways = {
        point: {seed: run.to_target(accuracy=accuracy) for seed, run in by_seed.items()}
        for point, by_seed in runs.points.items()
        if by_seed
    }
    times = {
        point: {seed: float(way.time_ps) for seed, way in by_seed.items() if way.time_ps}
        for point, by_seed in ways.items()
    }
    # Without a clock no time is known; a mean over the seeds that arrived would favour points that miss often.
    ranked = sorted((point for point in ways if len(times[point]) == len(ways[point])), key=lambda p: _mean(times[p]))
    if not ranked:
        return []
    shown = {point: f"{point} (hypothetical)" if _hypothetical(runs, point) else point for point in ways}
    told = [f"{shown[point]} ({_told(times[point], format_duration)})" for point in ranked]
    text = f"First at {100 * accuracy:g} %: {', then '.join((told[0], ', '.join(told[1:])) if told[1:] else told)}"
    energies = {
        point: {seed: way.energy_pj for seed, way in ways[point].items() if way.energy_pj is not None}
        for point in ranked
    }
    known = [point for point in ranked if energies[point] and any(energies[point].values())]
    if known:
        least = min(known, key=lambda point: _mean(energies[point]))
        text += f"; least energy: {shown[least]} ({_told(energies[least], format_energy)})"
    missed = [shown[point] for point in ways if point not in ranked]
    text += f"; not reached under every seed: {', '.join(missed)}" if missed else ""
    every = dict.fromkeys(run.settings["run"].get("evaluate_every") for run in runs)
    distance = " or ".join("once an epoch" if count is None else f"{count} mini-batches" for count in every)
    sentences = [f"{text}. Times are known to the distance of evaluations (run.evaluate_every: {distance})."]
    if len(ranked) > 1:
        sentences += _pair(shown, times, ranked[0], ranked[1])
    return sentences


def _pair(shown: Mapping[str, str], times: Mapping[str, Mapping[int, float]], first: str, second: str) -> list[str]:
    """Say whether the second is told from the first, in pairs of equal seeds."""
    apart = np.array([time - times[first][seed] for seed, time in times[second].items() if seed in times[first]])
    if len(apart) < 2:
        return []
    mean, spread = float(apart.mean()), float(apart.std(ddof=1))
    half = float(stdtrit(len(apart) - 1, 0.5 + _CONFIDENCE / 2)) * spread / math.sqrt(len(apart))
    zero = ", which includes 0" if abs(mean) <= half else ""
    return [
        f"{shown[second]} comes after {shown[first]} by {_signed(mean)} ± {format_duration(spread)} (mean and "
        f"standard deviation of {len(apart)} pairs with equal seeds); {100 * _CONFIDENCE:g} % confidence: "
        f"{_signed(mean - half)} to {_signed(mean + half)}{zero}."
    ]


def _hypothetical(runs: RunCollection, point: str) -> bool:
    """Return whether a point rests on exact copies of weights, which no crossbar makes."""
    schedule = next(iter(runs[point].values())).settings["schedule"]
    return bool(schedule["kind"] == "stash" or schedule.get("copies") == "exact")


def _mean(values: Mapping[int, float]) -> float:
    return sum(values.values()) / len(values)


def _told(values: Mapping[int, float], write: Any) -> str:
    found = np.array(list(values.values()))
    spread = f" ± {write(float(found.std(ddof=1)))}" if len(found) > 1 and np.ptp(found) > 0 else ""
    return f"{write(_mean(values))}{spread}"


def _signed(time_ps: float) -> str:
    return f"{'-' if time_ps < 0 else '+'}{format_duration(abs(time_ps))}"
