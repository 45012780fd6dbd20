"""The dry run: does a schedule do everything once, in a possible order, and with how much in flight?"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.errors import Deadlock
from archsim.schedule.action_kinds import Flow, StageCycles
from archsim.schedule.actions import Schedule
from archsim.schedule.state import Edges, PipelineState, ScheduleError

__all__ = ["Profile", "ScheduleError", "dry_run"]


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
        another follows), which is how long what they stored is kept.
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
    times = cycles or (StageCycles(),) * count
    state = PipelineState(schedule, edges)
    free = [0] * count
    #: When what was sent to a stage is there, by what it is and its micro-batch.
    arrival: list[dict[tuple[Flow | None, int], int]] = [{} for _ in range(count)]
    moved = True
    while moved:
        moved = False
        for stage in state.stages:
            index = stage.index
            while (action := stage.next) is not None and not stage.waits(action):
                kind = schedule.kinds[action.kind]
                stage.begin(action)
                ready = arrival[index].pop((kind.awaits, action.micro_batch), 0)
                end = free[index] = max(free[index], ready) + times[index].of(kind.operation) * action.count
                key = kind.sends, action.micro_batch
                for receiver in state.end(index, action):
                    arrival[receiver][key] = max(arrival[receiver].get(key, 0), end)
                moved = True
    _check_complete(schedule, state)
    return Profile(
        makespan=max(free),
        in_flight_max=tuple(stage.in_flight_max for stage in state.stages),
        stored_max=tuple(stage.stored_max for stage in state.stages),
        staleness=tuple(stage.staleness for stage in state.stages),
        actions=sum(stage.position for stage in state.stages),
    )


def _check_complete(schedule: Schedule, state: PipelineState) -> None:
    waiting = [(stage.index, action) for stage in state.stages if (action := stage.next) is not None]
    if waiting:
        lines = [
            f"  stage {index} waits to do {action}, for {state.missing(index, action)}" for index, action in waiting
        ]
        raise Deadlock("the schedule cannot finish: stages wait for each other\n" + "\n".join(lines))
    total = schedule.shape.total
    for stage in state.stages:
        for symbol, kind in schedule.kinds.items():
            if stage.done[symbol] != total and not kind.occasional:
                done = stage.done[symbol]
                raise ScheduleError(f"stage {stage.index} does {symbol} for {done} of {total} micro-batches")
