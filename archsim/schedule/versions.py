"""How many versions of its weights a stage would need to keep, if each backward were to meet those of its forward."""

from __future__ import annotations

from itertools import islice

from archsim.schedule.actions import Schedule

__all__ = ["weight_versions"]

#: Actions of a stage that are looked at; schedules repeat long before.
_ENOUGH = 20_000


def weight_versions(schedule: Schedule) -> tuple[int, ...]:
    """Return for each stage the most versions of its weights at a time.

    Those that the forwards of micro-batches in flight (between F and B) have met, and the one that is there. What a
    crossbar holds is one; a schedule with copies keeps the others. It follows from the order of the stage's actions
    alone. Where nothing is in flight, as forward only, there is one. Where weights lie on several sets of crossbars,
    there is one version on each.

    Parameters
    ----------
    schedule : Schedule
        Its first 20,000 actions of each stage stand for all.
    """
    if schedule.weight_sets > 1:
        return (schedule.weight_sets,) * schedule.shape.stages
    return tuple(_of_stage(schedule, stage) for stage in range(schedule.shape.stages))


def _of_stage(schedule: Schedule, stage: int) -> int:
    kinds = schedule.kinds
    opening = next(symbol for symbol, kind in kinds.items() if not kind.occasional)
    met: dict[int, int] = {}
    updates, most = 0, 1
    for action in islice(schedule.stage(stage), _ENOUGH):
        if action.kind == opening and schedule.closing != opening:
            met[action.micro_batch] = updates
        elif action.kind == schedule.closing:
            met.pop(action.micro_batch, None)
        if kinds[action.kind].updates_weights:
            updates += 1
            most = max(most, len({*met.values(), updates}))
    return most
