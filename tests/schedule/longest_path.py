"""The longest way through what must come after what: a makespan that owes nothing to archsim's own clocks."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

from archsim.schedule import Schedule, StageCycles

__all__ = ["in_a_row", "longest_path"]

#: Kind and stage of an action, and its micro-batch.
Done = tuple[str, int, int]


def in_a_row(schedule: Schedule) -> list[list[tuple[str, int, int, int]]]:
    """Return what each place, or each stage by itself, does one after the other: kind, stage, micro-batch, how many."""
    if schedule.turns is None:
        own = ([(stage, a) for a in schedule.stage(stage)] for stage in range(schedule.shape.stages))
    else:
        own = (list(schedule.place(place)) for place in range(schedule.shape.place_count))
    return [[(a.kind, stage, a.micro_batch, a.count) for stage, a in row] for row in own]


def longest_path(schedule: Schedule, cycles: Sequence[StageCycles]) -> int:
    """Return when the last action ends where each stage takes times of its own.

    F waits for F of the stage before, B for B of the stage behind (of the last stage for F there), and U for the B of
    the same micro-batch; each waits for what its place does before it.
    """
    took = [{"F": own.forward, "B": own.backward, "Bs": own.backward, "U": own.update} for own in cycles]
    last = schedule.shape.stages - 1
    backward = next((kind for kind in ("B", "Bs") if kind in schedule.kinds), "B")
    before: dict[Done, set[Done]] = {}
    length: dict[Done, int] = {}
    for row in in_a_row(schedule):
        previous: Done | None = None
        for kind, stage, k, count in row:
            action = kind, stage, k
            length[action] = took[stage].get(kind, took[stage]["F"]) * count
            needed = [{"U": (backward, stage), backward: (backward, stage + 1)}.get(kind, (kind, stage - 1))]
            if kind == backward:
                needed.append(("F", stage))
            before[action] = {(other, at, k) for other, at in needed if 0 <= at <= last}
            before[action] |= {previous} if previous else set()
            previous = action
    end: dict[Done, int] = {}
    for action in TopologicalSorter(before).static_order():
        end[action] = length[action] + max((end[other] for other in before[action]), default=0)
    return max(end.values())
