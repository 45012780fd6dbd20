"""The dry run: does a schedule do everything once, in a possible order, and with how much in flight?"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.errors import ArchsimError, Deadlock
from archsim.schedule.actions import Action, Schedule

__all__ = ["Profile", "ScheduleError", "StageCycles", "dry_run"]


class ScheduleError(ArchsimError):
    """A schedule that leaves something out or does something twice or too early."""


@dataclass(frozen=True, slots=True)
class StageCycles:
    """How many cycles one F, B or U of a stage takes in a dry run."""

    forward: int = 1
    backward: int = 1
    update: int = 0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a dry run found. Stages count from the input side.

    Attributes
    ----------
    makespan : int
        Cycles until the last action ends, if nothing but stages takes time.
    in_flight_max : tuple of int
        Most micro-batches between the start of F and the end of B (of F where there is no B) at each stage.
    resident_max : tuple of int
        Most micro-batches between the start of F and the end of the U that applies them, which is
        how long what they stored is kept.
    staleness : tuple of float
        Mean number of updates of the stage between a micro-batch's F and its B there.
    actions : int
        Number of actions.
    """

    makespan: int
    in_flight_max: tuple[int, ...]
    resident_max: tuple[int, ...]
    staleness: tuple[float, ...]
    actions: int


class _Stage:
    """One stage in the dry run: where it stands in its list, and what it has seen."""

    def __init__(self, schedule: Schedule, index: int, cycles: StageCycles) -> None:
        self.index = index
        self.kinds = schedule.actions
        self.actions = schedule.stage(index)
        self.next = next(self.actions, None)
        self.cycles = {"F": cycles.forward, "B": cycles.backward, "U": cycles.update}
        self.free = 0
        self.done = 0
        self.forward_end: dict[int, int] = {}
        self.backward_end: dict[int, int] = {}
        self.version_at_forward: dict[int, int] = {}
        self.awaiting_update: set[int] = set()
        self.updates = self.in_flight_max = self.resident_max = self.staleness_sum = 0
        self.forwards = self.backwards = self.updated = 0

    def run(self, action: Action, ready: int) -> None:
        """Do the next action, whose inputs are ready at cycle `ready`."""
        end = max(self.free, ready) + self.cycles[action.kind]
        self.free = end
        k = action.micro_batch
        if action.kind == "F":
            if k in self.version_at_forward or k in self.awaiting_update:
                raise ScheduleError(f"stage {self.index} does {action} twice")
            self.forwards += 1
            self.forward_end[k] = end
            self.version_at_forward[k] = self.updates
            self.in_flight_max = max(self.in_flight_max, len(self.version_at_forward))
            resident = len(self.version_at_forward) + len(self.awaiting_update)
            self.resident_max = max(self.resident_max, resident)
            if self.kinds[-1] == "F":
                del self.version_at_forward[k]
        elif action.kind == "B":
            if k not in self.version_at_forward:
                raise ScheduleError(f"stage {self.index} does {action} before F{k}, or twice")
            self.backwards += 1
            if self.index:
                self.backward_end[k] = end
            self.staleness_sum += self.updates - self.version_at_forward.pop(k)
            self.awaiting_update.add(k)
        else:
            self.updates += 1
            for applied in action.micro_batches:
                if applied not in self.awaiting_update:
                    raise ScheduleError(f"stage {self.index} does {action} before B{applied}, or twice")
                self.awaiting_update.remove(applied)
                self.updated += 1
        self.done += 1
        self.next = next(self.actions, None)


def dry_run(schedule: Schedule, cycles: tuple[StageCycles, ...] | None = None) -> Profile:
    """Play a schedule through without a chip.

    Parameters
    ----------
    schedule : Schedule
        What to check.
    cycles : tuple of StageCycles, optional
        Duration of the actions of each stage; without it F and B take one cycle and U none.

    Raises
    ------
    Deadlock
        If stages wait for each other in a circle; the text spells it out.
    ScheduleError
        If an action is missing, doubled or comes too early.
    """
    count = schedule.shape.stages
    times = cycles or (StageCycles(),) * count
    stages = [_Stage(schedule, s, times[s]) for s in range(count)]
    moved = True
    while moved:
        moved = False
        for stage in stages:
            while stage.next is not None:
                ready = _ready(stages, stage, stage.next)
                if ready is None:
                    break
                stage.run(stage.next, ready)
                moved = True
    _check_complete(schedule, stages)
    total = schedule.shape.total
    return Profile(
        makespan=max(stage.free for stage in stages),
        in_flight_max=tuple(stage.in_flight_max for stage in stages),
        resident_max=tuple(stage.resident_max for stage in stages),
        staleness=tuple(stage.staleness_sum / max(total, 1) for stage in stages),
        actions=sum(stage.done for stage in stages),
    )


def _ready(stages: list[_Stage], stage: _Stage, action: Action) -> int | None:
    """Return when the inputs of an action are there, or None if something must be done first."""
    k = action.micro_batch
    if action.kind == "F":
        if stage.index == 0:
            return 0
        before = stages[stage.index - 1].forward_end
        # A B needs it again; without one it can be dropped.
        return before.get(k) if "B" in stage.kinds else before.pop(k, None)
    if action.kind == "B":
        if stage.index + 1 == len(stages):
            return stage.forward_end.pop(k, 0)
        behind = stages[stage.index + 1]
        # Both ends were needed by this action alone, so they can be dropped: memory stays flat.
        ready = behind.backward_end.pop(k, None)
        if ready is not None:
            stage.forward_end.pop(k, None)
        return ready
    return 0


def _check_complete(schedule: Schedule, stages: list[_Stage]) -> None:
    waiting = [stage for stage in stages if stage.next is not None]
    if waiting:
        lines = [f"  stage {s.index} waits to do {s.next}, for {_awaited(stages, s)}" for s in waiting]
        raise Deadlock("the schedule cannot finish: stages wait for each other\n" + "\n".join(lines))
    total = schedule.shape.total
    for stage in stages:
        for kind, done in (("F", stage.forwards), ("B", stage.backwards), ("U", stage.updated)):
            if done != (total if kind in stage.kinds else 0):
                raise ScheduleError(f"stage {stage.index} does {kind} for {done} of {total} micro-batches")


def _awaited(stages: list[_Stage], stage: _Stage) -> str:
    action = stage.next
    if action is None:
        return "nothing"
    other = stage.index - 1 if action.kind == "F" else stage.index + 1
    return f"{action.kind}{action.micro_batch} of stage {other}, which is at {stages[other].next or 'its end'}"
