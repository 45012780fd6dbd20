"""The dry run: does a schedule do everything once, in a possible order, and with how much in flight?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import get_args

from archsim.errors import Deadlock
from archsim.schedule.action_kinds import Flow, StageCycles
from archsim.schedule.actions import Schedule
from archsim.schedule.passing_on import stored_until_taken
from archsim.schedule.pipeline_state import PipelineState
from archsim.schedule.state import Edges, ScheduleError, StageState

__all__ = ["Profile", "ScheduleError", "check_alone", "dry_run"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a dry run found. Stages count from the input side.

    Attributes
    ----------
    makespan : int
        Cycles until the last action ends, if nothing but stages takes time.
    in_flight_max : tuple of int
        Most micro-batches between the start of F and the end of B (of F where there is no B) at each stage.
    stored_max : tuple of int
        Most micro-batches between the start of F and the end of the U that applies them (of their last action, where
        another follows), which is how long what they stored is kept. Where nothing follows that sends their values,
        until these are taken: the fewest with which the schedule can go on.
    staleness : tuple of float
        Mean number of updates of the stage between a micro-batch's F and its B there.
    actions : int
        Number of actions.
    """

    makespan: int
    in_flight_max: tuple[int, ...]
    stored_max: tuple[int, ...]
    staleness: tuple[float, ...]
    actions: int


def dry_run(schedule: Schedule, cycles: tuple[StageCycles, ...] | None = None, edges: Edges | None = None) -> Profile:
    """Play a schedule through without a chip.

    Parameters
    ----------
    schedule : Schedule
        What to check.
    cycles : tuple of StageCycles, optional
        Duration of the actions of each stage; without it F and B take one cycle and U none.
    edges : iterable of (int, int), optional
        For each value that crosses from a stage to another, the two; without them every stage feeds the next one.

    Raises
    ------
    Deadlock
        If stages wait for each other in a circle; the text spells it out.
    ScheduleError
        If an action is missing, doubled, comes too early or is none of the schedule's.
    """
    count = schedule.shape.stages
    cycles_of: list[dict[str, int]] = [asdict(own) for own in cycles or (StageCycles(),) * count]
    edges = None if edges is None else tuple(edges)
    state = PipelineState(schedule, edges)
    #: When the stage, or the place that does the actions of its stages one by one, is free.
    free, at = [0] * count, schedule.shape.place_of_stage
    kinds = [
        {symbol: (kind.awaits, kind.sends, own.get(kind.operation or "", 0)) for symbol, kind in schedule.kinds.items()}
        for own in cycles_of
    ]
    #: When the last of what was sent to a stage is there, by what it is, stage and micro-batch.
    arrival: dict[Flow, list[dict[int, int]]] = {flow: [{} for _ in range(count)] for flow in get_args(Flow)}
    moved = True
    while moved:
        moved = False
        for stage in state.stages:
            index, end = stage.index, free[at[stage.index]]
            while (action := stage.start()) is not None:
                kind, k, together = action
                awaits, sends, duration = kinds[index][kind]
                if awaits is not None and (there := arrival[awaits][index].pop(k, 0)) > end:
                    end = there
                end += duration * together
                receivers = state.end(index, action)
                if sends is not None:
                    arrivals = arrival[sends]
                    for receiver in receivers:
                        if arrivals[receiver].get(k, 0) < end:
                            arrivals[receiver][k] = end
                moved = True
            free[at[index]] = end
    _check_complete(schedule, state)
    stored = stored_until_taken(schedule, edges)
    return Profile(
        makespan=max(free),
        in_flight_max=tuple(stage.in_flight_max for stage in state.stages),
        stored_max=tuple(stage.stored_max for stage in state.stages) if stored is None else stored,
        staleness=tuple(stage.staleness for stage in state.stages),
        actions=sum(stage.position for stage in state.stages),
    )


def _check_complete(schedule: Schedule, state: PipelineState) -> None:
    waiting = [(stage.index, action) for stage in state.stages if (action := stage.next) is not None]
    if not waiting:
        for stage in state.stages:
            _check_all_done(stage, schedule)
        return
    for stage in state.stages:  # What one of them leaves out, or does out of its order, others may wait for.
        check_alone(StageState(schedule, stage.index, values=0, gradients=0), schedule)
    lines = [f"  stage {index} waits to do {action}, for {state.missing(index, action)}" for index, action in waiting]
    raise Deadlock("the schedule cannot finish: stages wait for each other\n" + "\n".join(lines))


def check_alone(stage: StageState, schedule: Schedule) -> None:
    """Play all actions of a stage that needs nothing from others.

    Raises
    ------
    ScheduleError
        If an action is missing, doubled, comes too early or is none of the schedule's; the position of the stage tells
        which one.
    """
    while (action := stage.start()) is not None:
        stage.end(action)
    _check_all_done(stage, schedule)


def _check_all_done(stage: StageState, schedule: Schedule) -> None:
    """Refuse a stage that has done all its actions, but not each of them with every micro-batch."""
    total = schedule.shape.total
    for symbol, kind in schedule.kinds.items():
        done = stage.done[symbol]
        if done != total and not kind.occasional:
            first = stage.first_missing(symbol)
            missing = f"{symbol}{first}"
            remedy = f"add {missing}" + (f" after {kind.after[-1]}{first}" if kind.after else "")
            if kind.joint and first + 1 < total and stage.has_begun(symbol, first + 1):
                remedy += f", or write {symbol}{first + 1}*2 where {first} and {first + 1} are applied together"
            raise ScheduleError(
                f"stage {stage.index} leaves out {missing}: it does {symbol} for {done} of {total} "
                f"micro-batch{'' if total == 1 else 'es'}",
                remedy,
            )
