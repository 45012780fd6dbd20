"""A schedule laid over time without a chip: when each action begins, what it waited for, and what decides the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import get_args

import numpy as np
import pandas as pd

from archsim.explanation import DRAIN, FILL, FLUSH, START, TaskGraph, begins_after_flush, flushed_mini_batches
from archsim.schedule.action_kinds import Flow, StageCycles
from archsim.schedule.actions import Action, Schedule
from archsim.schedule.pipeline_state import PipelineState
from archsim.schedule.set_versions import SetVersions
from archsim.schedule.state import Edges

__all__ = ["ActionTimes", "action_times"]


@dataclass(frozen=True)
class ActionTimes:
    """When every action of a schedule begins and ends, if nothing but stages takes time.

    Actions stand in an order in which each is behind all that it waits for.

    Attributes
    ----------
    schedule : Schedule
        What is done; perhaps fewer mini-batches than were asked for.
    cycles : tuple of StageCycles
        How long F, B and U of each stage take for a micro-batch, in any whole unit.
    places : tuple of int
        The place of each stage.
    actions : tuple of (int, Action)
        Stage and action.
    graph : TaskGraph
        How long each takes and what it follows: the action before it at its place, or where the stages of a place work
        side by side, at its stage; and those that send to it.
    """

    schedule: Schedule
    cycles: tuple[StageCycles, ...]
    places: tuple[int, ...]
    actions: tuple[tuple[int, Action], ...]
    graph: TaskGraph

    @cached_property
    def begins(self) -> list[int]:
        """When each action begins."""
        return self.graph.begins()

    @cached_property
    def ends(self) -> list[int]:
        """When each action ends."""
        return [begin + duration for begin, duration in zip(self.begins, self.graph.durations, strict=True)]

    @cached_property
    def makespan(self) -> int:
        """When the last action ends."""
        return max(self.ends, default=0)

    @cached_property
    def rows(self) -> list[list[int]]:
        """The actions of each place, by their numbers, in the order in which they begin."""
        rows: list[list[int]] = [[] for _ in range(max(self.places) + 1)]
        for number, (stage, _) in enumerate(self.actions):
            rows[self.places[stage]].append(number)
        for row in rows:
            row.sort(key=lambda number: self.begins[number])
        return rows

    @property
    def bubble_fraction(self) -> float:
        """The share of the makespan in which a place does nothing."""
        whole = self.makespan * len(self.rows)
        return sum(end - begin for _, begin, end, _ in self._idle) / whole if whole else 0.0

    def frame(self) -> pd.DataFrame:
        """Return all actions: place, stage, action, micro_batch, count, begin, end, and what it waited for last."""
        return pd.DataFrame(
            {
                "place": [self.places[stage] for stage, _ in self.actions],
                "stage": [stage for stage, _ in self.actions],
                "action": [action.kind for _, action in self.actions],
                "micro_batch": [action.micro_batch for _, action in self.actions],
                "count": [action.count for _, action in self.actions],
                "begin": self.begins,
                "end": self.ends,
                "waited_for": self._waited_for,
            }
        )

    def critical_path(self) -> pd.DataFrame:
        """Return the actions that decide the makespan, in order, as `frame` has them; their times add up to it."""
        decide = np.zeros(len(self.actions), bool)
        decide[[number for number, _ in self._critical]] = True
        found: pd.DataFrame = self.frame()[decide].reset_index(drop=True)
        return found

    def idle(self) -> pd.DataFrame:
        """Return when each place does nothing, and why: place, begin, end, cause.

        Causes are *fill* (nothing has begun here), *drain* (nothing follows), *flush* (the next action is the first of
        a mini-batch that every place begins when it has done all of those before), and the input or gradient that
        came last. The times add up to the bubble: its share of places x makespan.
        """
        return pd.DataFrame(self._idle, columns=["place", "begin", "end", "cause"])

    def bubble_by_cause(self) -> pd.DataFrame:
        """Return the idle time of each place by cause: place, cause, idle, and share, which adds up to the bubble."""
        idle = self.idle()
        idle["idle"] = idle["end"] - idle["begin"]
        found = idle.groupby(["place", "cause"], sort=False, as_index=False)["idle"].sum()
        return pd.DataFrame(found.assign(share=found["idle"] / max(1, self.makespan * len(self.rows))))

    def halving_gains(self) -> pd.DataFrame:
        """Return what each stage bounds: stage, action (empty for all of them), path, gain.

        ``path`` is the time of its actions of a kind on the critical path, ``gain`` how much earlier the schedule ends
        if they take half as long, in the same order. Of stages and kinds that are not on it both are 0, and left out.
        """
        totals: dict[tuple[int, str], int] = {}
        for number, _ in self._critical:
            (stage, action), duration = self.actions[number], self.graph.durations[number]
            if duration:
                for case in ((stage, ""), (stage, action.kind)):
                    totals[case] = totals.get(case, 0) + duration
        cases = list(totals)
        # In halves of the unit, so that they stay whole.
        durations = np.repeat(2 * np.array(self.graph.durations, np.int64)[:, None], len(cases), axis=1)
        for column, (stage, kind) in enumerate(cases):
            own = [i for i, (at, action) in enumerate(self.actions) if at == stage and kind in ("", action.kind)]
            durations[own, column] //= 2
        gains = self.makespan - self.graph.ends_with(durations) / 2
        rows = [(*case, totals[case], float(gain)) for case, gain in zip(cases, gains, strict=True)]
        table = pd.DataFrame(rows, columns=["stage", "action", "path", "gain"])
        return table.sort_values(["gain", "path"], ascending=False, kind="stable", ignore_index=True)

    def halved(self, stage: int) -> ActionTimes:
        """Return the same order of actions with those of one stage in half the time.

        All times are in halves of the unit, so that they stay whole.
        """
        durations = [
            duration * (1 if at == stage else 2)
            for (at, _), duration in zip(self.actions, self.graph.durations, strict=True)
        ]
        return replace(self, graph=replace(self.graph, durations=durations))

    def stored(self, stage: int) -> tuple[list[int], list[int]]:
        """Return from when on a stage stores how many micro-batches: from the begin of F to the end of U."""
        opening, releasing = next(iter(self.schedule.kinds)), self.schedule.releasing
        times, levels, level = [0], [0], 0
        for number, (at, action) in enumerate(self.actions):
            if at != stage:
                continue
            for kind, time, change in ((opening, self.begins, 1), (releasing, self.ends, -action.count)):
                if action.kind == kind:
                    level += change
                    times.append(time[number])
                    levels.append(level)
        return times, levels

    def staleness(self, stage: int) -> float:
        """Return the mean number of updates of a stage between what a micro-batch's F meets and its B there."""
        opening, closing = next(iter(self.schedule.kinds)), self.schedule.closing
        updates, total, met = 0, 0, dict[int, int]()
        versions = SetVersions(stage, self.schedule)
        for at, action in self.actions:
            if at != stage:
                continue
            kind = self.schedule.kinds[action.kind]
            if action.kind == opening:
                met[action.micro_batch] = versions.met(action.micro_batch)
            if action.kind == closing:
                total += updates - met[action.micro_batch]
            if kind.copies_weights:
                versions.copy(action, updates)
            if kind.updates_weights:
                versions.update(action, updates)
                updates += 1
        return total / max(1, len(met))

    @cached_property
    def _idle(self) -> list[tuple[int, int, int, str]]:
        found: list[tuple[int, int, int, str]] = []
        flushed = flushed_mini_batches([self._mini_batches(row) for row in self.rows])
        for place, row in enumerate(self.rows):
            after = begins_after_flush(self._mini_batches(row))
            until = 0
            for position, number in enumerate(row):
                if (begin := self.begins[number]) > until:
                    cause = FLUSH if after.get(position) in flushed else self._waited_for[number]
                    found.append((place, until, begin, FILL if not position else cause))
                until = max(until, self.ends[number])
            if until < self.makespan:
                found.append((place, until, self.makespan, DRAIN))
        return found

    @cached_property
    def _critical(self) -> list[tuple[int, int]]:
        return self.graph.critical_path(self.begins)

    @cached_property
    def _waited_for(self) -> list[str]:
        """What each action waited for last: the place itself, a value, or a gradient."""
        found = []
        releases = self.graph.releases(self.begins)
        for number, ((stage, action), (task, _)) in enumerate(zip(self.actions, releases, strict=True)):
            if task == START:
                found.append("")
                continue
            sender, sent = self.actions[task]
            if task not in dict(self.graph.before[number]):
                found.append("its turn at its place")
                continue
            flow = self.schedule.kinds[action.kind].awaits
            if sender != stage and flow is not None and self.schedule.kinds[sent.kind].sends == flow:
                found.append(f"{'input' if flow == 'values' else 'gradient'} from stage {sender}")
            else:
                found.append("its place")
        return found

    def _mini_batches(self, row: Sequence[int]) -> list[int]:
        each = self.schedule.shape.micro_batches
        return [self.actions[number][1].micro_batch // each for number in row]


def action_times(
    schedule: Schedule,
    cycles: Sequence[StageCycles] | None = None,
    edges: Edges | None = None,
    *,
    places: Sequence[int] | None = None,
    side_by_side: bool = False,
    copies: Sequence[int] | None = None,
    most_actions: int | None = None,
) -> ActionTimes:
    """Lay a schedule over time; one that `dry_run` has checked.

    Parameters
    ----------
    schedule : Schedule
        What the stages do.
    cycles : sequence of StageCycles, optional
        Duration of the actions of each stage; without it F and B take one cycle and U none.
    edges : iterable of (int, int), optional
        For each value that crosses from a stage to another, the two; without them every stage feeds the next one.
    places : sequence of int, optional
        The place of each stage, where stages share some and the schedule does not say in which order: first come,
        first served.
    side_by_side : bool
        Whether the stages of a place work side by side, as on tiles, rather than one at a time, as on a stage engine.
    copies : sequence of int, optional
        How long each stage takes to copy its weights, where it does; no time without it.
    most_actions : int, optional
        Of a schedule with more actions, as many mini-batches are taken as have about so many; one at least.
    """
    shape = schedule.shape
    if most_actions is not None:
        enough = max(1, most_actions // (len(schedule.kinds) * shape.stages * shape.micro_batches))
        if shape.mini_batches > enough:
            schedule = replace(schedule, shape=replace(shape, mini_batches=enough))
            shape = schedule.shape
    found = tuple(cycles or (StageCycles(),) * shape.stages)
    own = tuple(places or shape.place_of_stage)
    player = _Player(schedule, found, range(shape.stages) if side_by_side else own, edges)
    player.copies = tuple(copies or (0,) * shape.stages)
    if schedule.turns is not None or side_by_side or len({*own}) == shape.stages:
        player.play()
    else:
        player.play_first_come()
    behind = _turns_taken(player.actions, own) if side_by_side and schedule.turns is not None else ()
    graph = TaskGraph(player.durations, player.before, behind)
    return ActionTimes(schedule, found, own, tuple(player.actions), graph)


def _turns_taken(actions: Sequence[tuple[int, Action]], places: Sequence[int]) -> list[int]:
    """Return for each action the one that begins before it at its place, or `START`."""
    last, found = [START] * (max(places) + 1), []
    for number, (stage, _) in enumerate(actions):
        found.append(last[places[stage]])
        last[places[stage]] = number
    return found


class _Player:
    """Plays a schedule through and notes for each action what it follows."""

    def __init__(
        self, schedule: Schedule, cycles: Sequence[StageCycles], places: Sequence[int], edges: Edges | None
    ) -> None:
        self.actions: list[tuple[int, Action]] = []
        self.durations: list[int] = []
        self.before: list[list[tuple[int, int]]] = []
        #: How long each stage takes to copy its weights.
        self.copies: tuple[int, ...] = (0,) * len(cycles)
        self._ends: list[int] = []
        self._schedule = schedule
        self._places = places
        self._state = PipelineState(schedule, edges)
        self._took = [
            {symbol: getattr(own, kind.operation) if kind.operation else 0 for symbol, kind in schedule.kinds.items()}
            for own in cycles
        ]
        #: The last action of each place and each stage.
        self._last = [START] * (max(places) + 1)
        self._last_of_stage = [START] * len(places)
        #: The actions that sent something to a stage, by what it is, stage and micro-batch.
        self._sent: dict[Flow, list[dict[int, list[int]]]] = {flow: [{} for _ in places] for flow in get_args(Flow)}

    def play(self) -> None:
        """Let each stage go on as far as it can: whose turn it is at a place, the schedule says."""
        moved = True
        while moved:
            moved = False
            for stage in self._state.stages:
                while (action := stage.start()) is not None:
                    self._note(stage.index, action)
                    moved = True

    def play_first_come(self) -> None:
        """Let places do their actions in the order in which stages are ready for them."""
        while True:
            ready = []
            for stage in self._state.stages:
                if stage.next is None or stage.waits(stage.next):
                    continue
                awaits = self._schedule.kinds[stage.next.kind].awaits
                sent = [] if awaits is None else self._sent[awaits][stage.index].get(stage.next.micro_batch, [])
                last, own = self._last[self._places[stage.index]], self._last_of_stage[stage.index]
                since, number = max(
                    ((self._ends[task], task) for task in (*sent, own) if task >= 0), default=(0, START)
                )
                begin = max(since, self._ends[last] if last >= 0 else 0)
                # At one moment, a stage that goes on by itself asks first, then those whose senders began first.
                ready.append((begin, since, number != own, number, stage.index))
            if not ready:
                return
            stage = self._state.stages[min(ready)[-1]]
            action = stage.start()
            if action is not None:
                self._note(stage.index, action)

    def _note(self, stage: int, action: Action) -> None:
        kind, number, place = self._schedule.kinds[action.kind], len(self.actions), self._places[stage]
        following = [self._last[place]] if self._last[place] != START else []
        if kind.awaits is not None:
            following += self._sent[kind.awaits][stage].pop(action.micro_batch, [])
        duration = self.copies[stage] if kind.copies_weights else self._took[stage][action.kind] * action.count
        self.actions.append((stage, action))
        self.durations.append(duration)
        self.before.append([(task, 0) for task in following])
        self._ends.append(duration + max((self._ends[task] for task in following), default=0))
        self._last[place] = self._last_of_stage[stage] = number
        receivers = self._state.end(stage, action)
        if kind.sends is not None:
            for receiver in receivers:
                self._sent[kind.sends][receiver].setdefault(action.micro_batch, []).append(number)
