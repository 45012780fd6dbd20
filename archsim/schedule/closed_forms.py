"""What the textbook says of the built-in schedules, for equal stages between which nothing takes time.

Oracles of tests, and printed beside what is simulated. There are M stages s = 0 .. M-1 (counted from the input side),
B micro-batches in a mini-batch, N mini-batches and K = B N micro-batches; forward, backward and update of a stage take
f, b and u for each micro-batch. With f = b = 1 and u = 0 these are the cycles of arXiv:2410.15155, derived from its
drawing.
"""

from __future__ import annotations

from archsim.schedule.action_kinds import StageCycles
from archsim.schedule.actions import ClosedForms, Schedule

__all__ = [
    "ASYNCHRONOUS",
    "GPIPE",
    "INFERENCE",
    "SEQUENTIAL",
    "SYNCHRONOUS",
    "mean_of_rising",
    "passage",
    "work",
]


def work(cycles: StageCycles) -> int:
    """f + b + u."""
    return cycles.forward + cycles.backward + cycles.update


def passage(schedule: Schedule, cycles: StageCycles) -> int:
    """(M - 1) (f + b): the way of a micro-batch through all stages but one, forward and back."""
    return (schedule.shape.stages - 1) * (cycles.forward + cycles.backward)


def _following(schedule: Schedule, stage: int) -> int:
    """M - s: a stage and those that follow it."""
    return schedule.shape.stages - stage


def mean_of_rising(last: int, most: int) -> float:
    """Return the mean over k = 0 .. last - 1 of min(k, most)."""
    depth = min(most, last)
    return depth - depth * (depth + 1) / (2 * last)


def _sequential_makespan(schedule: Schedule, cycles: StageCycles) -> int:
    # Nobody waits for updates but the first stage: elsewhere they fall into the way of the gradients.
    return schedule.shape.total * (passage(schedule, cycles) + work(cycles))


def _flushed_makespan(schedule: Schedule, cycles: StageCycles) -> int:
    shape = schedule.shape
    return shape.mini_batches * (passage(schedule, cycles) + shape.micro_batches * work(cycles))


def _continuous_makespan(schedule: Schedule, cycles: StageCycles) -> int | None:
    if cycles.update and schedule.update != "immediate":
        return None  # An update of a whole mini-batch holds up the stages before and behind.
    return passage(schedule, cycles) + schedule.shape.total * work(cycles)


def _forward_makespan(schedule: Schedule, cycles: StageCycles) -> int:
    return (schedule.shape.total + schedule.shape.stages - 1) * cycles.forward


def _stored(schedule: Schedule, in_flight: int) -> int:
    """Where updates are deferred, all micro-batches of a mini-batch; else what is in flight, whose U follows its B."""
    return schedule.shape.micro_batches if schedule.update == "deferred" else in_flight


def _gpipe_staleness(schedule: Schedule, stage: int) -> float:
    return 0.0 if schedule.update == "deferred" else (schedule.shape.micro_batches - 1) / 2


def _synchronous_in_flight(schedule: Schedule, stage: int) -> int:
    return min(schedule.shape.micro_batches, _following(schedule, stage))


def _synchronous_staleness(schedule: Schedule, stage: int) -> float:
    if schedule.update == "deferred":
        return 0.0
    return mean_of_rising(schedule.shape.micro_batches, _following(schedule, stage) - 1)


def _asynchronous_in_flight(schedule: Schedule, stage: int) -> int:
    return min(schedule.shape.total, _following(schedule, stage))


def _asynchronous_staleness(schedule: Schedule, stage: int) -> float | None:
    if schedule.update == "deferred":
        return None
    return mean_of_rising(schedule.shape.total, _following(schedule, stage) - 1)


SEQUENTIAL = ClosedForms(
    makespan=_sequential_makespan,
    in_flight=lambda schedule, stage: 1,
    stored=lambda schedule, stage: _stored(schedule, 1),
    staleness=lambda schedule, stage: 0.0,
)
GPIPE = ClosedForms(
    makespan=_flushed_makespan,
    in_flight=lambda schedule, stage: schedule.shape.micro_batches,
    stored=lambda schedule, stage: schedule.shape.micro_batches,
    staleness=_gpipe_staleness,
)
SYNCHRONOUS = ClosedForms(
    makespan=_flushed_makespan,
    in_flight=_synchronous_in_flight,
    stored=lambda schedule, stage: _stored(schedule, _synchronous_in_flight(schedule, stage)),
    staleness=_synchronous_staleness,
)
ASYNCHRONOUS = ClosedForms(
    makespan=_continuous_makespan,
    in_flight=_asynchronous_in_flight,
    stored=lambda schedule, stage: None if schedule.update == "deferred" else _asynchronous_in_flight(schedule, stage),
    staleness=_asynchronous_staleness,
)
INFERENCE = ClosedForms(
    makespan=_forward_makespan,
    in_flight=lambda schedule, stage: 1,
    stored=lambda schedule, stage: 1,
)
