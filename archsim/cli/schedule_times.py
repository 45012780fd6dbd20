"""What a schedule takes, said without running it: makespan, bubble by cause, and the stage that decides."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from archsim.explanation import bubble_text, percent, shares_text
from archsim.schedule import KnownForms, StageCycles
from archsim.schedule.action_times import ActionTimes
from archsim.simulation import Prepared
from archsim.units import format_duration

__all__ = ["MOST_ACTIONS", "counted", "equal_stage_lines", "stage_time_lines", "written"]

#: Actions that are laid over time; of a longer schedule, its first mini-batches.
MOST_ACTIONS = 20_000
#: Stages whose times are told one by one.
_MOST_STAGES = 8
#: What closed forms are called.
_FORMS = {
    "makespan_cycles": "makespan",
    "bubble_fraction": "bubble",
    "in_flight": "in flight at each stage",
    "stored": "stored",
    "staleness": "staleness",
}


def equal_stage_lines(prepared: Prepared) -> Iterator[str]:
    """Yield what the schedule takes with equal stages: by its closed forms, or by its longest path."""
    schedule, profile = prepared.schedule, prepared.profile
    one = "F and B of one cycle" if schedule.trains else "F of one cycle"
    for cycles, said in ((StageCycles(), one), (StageCycles(1, 1, 1), "F, B and U of one cycle")):
        if cycles.update and not schedule.trains:
            continue
        known = schedule.closed_forms.of(schedule, cycles)
        found: KnownForms = {"in_flight": profile.in_flight_max, "stored": profile.stored_max}
        if schedule.trains:
            found["staleness"] = profile.staleness
        if "bubble_fraction" not in known or len(prepared.plan.places) < schedule.shape.place_count:
            times = prepared.action_times((cycles,) * schedule.shape.stages, MOST_ACTIONS)
            known |= {"makespan_cycles": times.makespan, "bubble_fraction": times.bubble_fraction}
            said += _part_of(prepared, times)
        told = ((name, known.get(name, found.get(name))) for name in _FORMS)
        text = ", ".join(f"{_FORMS[name]}: {_with_unit(name, value)}" for name, value in told if value is not None)
        yield f"equal stages, {said}: {text}"


def stage_time_lines(prepared: Prepared) -> Iterator[str]:
    """Yield what the schedule takes with the stages of its chip: makespan, bubble by cause, critical path."""
    times = prepared.action_times(most_actions=MOST_ACTIONS)
    if not times.makespan:
        return
    modelled = prepared.stage_cycles is None
    yield f"{'modelled stage times' if modelled else 'stage times'}, {_times_of_stages(prepared)}"
    bubble = bubble_text(times.bubble_fraction, _by_kind(times.bubble_by_cause()))
    yield f"with these{_part_of(prepared, times)}: makespan: {format_duration(times.makespan)}, {bubble}"
    gains = times.halving_gains()
    stage = gains[gains["action"] == ""].iloc[0]
    own = gains[(gains["stage"] == stage["stage"]) & (gains["action"] != "")]
    shares = shares_text(dict(zip(own["action"], own["path"] / times.makespan, strict=True)))
    yield (
        f"critical path: {percent(stage['path'] / times.makespan)} of it on stage {stage['stage']} ({shares}); "
        f"if that stage were twice as fast, the schedule would end {percent(stage['gain'] / times.makespan)} earlier"
        f"{_bound_then(times, stage)}"
    )


def _bound_then(times: ActionTimes, fastest: pd.Series) -> str:
    """Say which stage bounds the schedule once one is twice as fast, where that gains less than half its path."""
    if 2 * fastest["gain"] >= fastest["path"]:
        return ""
    then = times.halved(int(fastest["stage"])).critical_path()
    own = (then["end"] - then["begin"]).groupby(then["stage"]).sum()
    return "" if own.idxmax() == fastest["stage"] else f", since then stage {own.idxmax()} bounds it"


def _part_of(prepared: Prepared, times: ActionTimes) -> str:
    found, whole = times.schedule.shape.mini_batches, prepared.schedule.shape.mini_batches
    return "" if found == whole else f" (of the first {found} of {whole} mini-batches)"


def _by_kind(bubble: pd.DataFrame) -> dict[str, float]:
    shares: dict[str, float] = {}
    for cause, share in zip(bubble["cause"], bubble["share"], strict=True):
        flow, from_stage, _ = cause.partition(" from ")
        kind = f"waiting for {flow}" if from_stage else cause
        shares[kind] = shares.get(kind, 0.0) + share
    return shares


def _times_of_stages(prepared: Prepared) -> str:
    trains = prepared.schedule.trains

    def text(own: StageCycles) -> str:
        taken = (own.forward, own.backward, own.update) if trains else (own.forward,)
        return " + ".join(map(format_duration, taken))

    head = "F + B + U of a micro-batch" if trains else "F of a micro-batch"
    if trains and prepared.stage_cycles is None and _transfers(prepared):
        head += ", without transfers between arrays" + (" (T)" if "T" in prepared.schedule.kinds else "")
    times = prepared.stage_times
    if len({*times}) == 1:
        return f"{head}: {text(times[0])}"
    if len(times) <= _MOST_STAGES:
        return f"{head}: " + ", ".join(f"stage {stage}: {text(own)}" for stage, own in enumerate(times))
    whole = [own.forward + own.backward + own.update for own in times]
    return f"{head}: {format_duration(min(whole))} to {format_duration(max(whole))}"


def _transfers(prepared: Prepared) -> bool:
    """Return whether some array of a trained matrix is written by transfers, whose times the stages leave out."""
    updates = prepared.layout.expected.updates
    return any(part.transfers for m in prepared.graph.matrices if m.settings.trainable for part in updates[m.name])


def _with_unit(name: str, value: Any) -> str:
    """Return what a closed form says, a bubble in per cent, a makespan in cycles."""
    if name == "bubble_fraction":
        return percent(value)
    return counted(value, "cycle") if name == "makespan_cycles" else written(value)


def counted(number: int | float, one: str) -> str:
    """Return a number of things in the singular or plural: ``1 cycle``, ``66 cycles``."""
    return f"{written(number)} {one}{'' if number == 1 else 'es' if one.endswith('ch') else 's'}"


def written(value: int | float | Sequence[int] | Sequence[float]) -> str:
    """Return one number, or those of all stages, of which equal ones are told once."""
    if isinstance(value, int | float):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    return f"{value[0]:g}" if len({*value}) == 1 else " ".join(f"{one:g}" for one in value)
