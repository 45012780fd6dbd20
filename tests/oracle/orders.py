"""In which order a stage does its forwards and backwards, and its updates where its schedule places them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from archsim.schedule import Schedule, kind_of, make_schedule
from archsim.schedule.specification import ScheduleSpecification

__all__ = ["IN_TURN", "Step", "bounded", "listed", "one_forward_one_backward", "zero_bubble"]

#: Kind and micro-batch.
Step = tuple[str, int]
#: Kinds that order the stages of a place. Their lists are taken as they are: tests of schedules compare them with what
#: is drawn, and their makespans with longest paths.
IN_TURN = ("interleaved", "breadth-first", "zb-v", "dualpipe-v")


def one_forward_one_backward(start: int, count: int, ahead: int) -> Iterator[Step]:
    """Yield so many micro-batches, the first forwards before a backward, then one of each in turn."""
    forwards = [("F", start + k) for k in range(count)]
    yield from forwards[:ahead]
    for k in range(count):
        yield "B", start + k
        yield from forwards[k + ahead : k + ahead + 1]


def zero_bubble(kind: str, stages: int, stage: int, block: range) -> Iterator[Step]:
    """One forward, one backward in a mini-batch; a stage puts its updates off by a few micro-batches.

    In ZB-H1 by as many as its number says; in ZB-H2 twice as many, and forwards run ahead by twice as many.
    """
    ahead, behind = stages - stage, stage
    if kind == "zb-h2":
        most = min(2 * stages - 1, len(block))
        ahead = min(2 * ahead - 1, most)
        behind = min(2 * behind, most - ahead)
    yield from (("F", k) for k in block[:ahead])
    for k in block:
        yield "B", k
        yield from (("U", late) for late in (k - behind,) if late in block)
        yield from (("F", later) for later in (k + ahead,) if later in block)
    yield from (("U", k) for k in block[max(len(block) - behind, 0) :])


def bounded(stages: int, stage: int, total: int, most_late: int) -> list[Step]:
    """Return the order of times: rounds of micro-batches, each two cycles behind the one before and a cycle a stage."""
    width, found = min(stages, most_late + 1), []
    for k in range(total):
        begins = k // width * 2 * stages + k % width * 2
        found.append((begins + stage, "F", k))
        found.append((begins + 2 * stages - 1 - stage, "B", k))
    return [(kind, k) for _, kind, k in sorted(found)]


@cache
def listed(kind: str, stages: int, mini_batches: int, micro_batches: int, update: str) -> Schedule:
    """Return a schedule that orders the stages of its places."""
    settings = kind_of(ScheduleSpecification(kind=kind)).Settings
    chosen = {"kind": kind, "micro_batches": micro_batches, "update": update}
    return make_schedule(settings.model_validate(chosen), stages, mini_batches)
