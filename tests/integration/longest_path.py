"""An oracle for a chain of stages on a tile chip: longest path through a graph, with no events.

It knows the rules of docs/abstraction.md only. Every piece of work is a node with a duration, every
reason to wait an edge; start times follow from one walk in topological order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from archsim.schedule.actions import Action, Schedule

__all__ = ["LongestPath", "StageTimes", "TransferTimes"]

Key = tuple[str, int, int]


@dataclass(frozen=True)
class StageTimes:
    """Durations of a stage's actions, in picoseconds; of updates by the number of micro-batches that they apply."""

    forward: int
    backward: int
    update: Mapping[int, int]


@dataclass(frozen=True)
class TransferTimes:
    """Durations of a block's way, in picoseconds: at the host port, and behind each stage but the last."""

    host: int
    values: tuple[int, ...]
    gradients: tuple[int, ...]
    prefetch: int


@dataclass(frozen=True)
class LongestPath:
    """Ends of all actions of a schedule over a chain of stages."""

    schedule: Schedule
    stages: tuple[StageTimes, ...]
    transfers: TransferTimes

    def makespan(self) -> int:
        """Return the end of the last action."""
        return max(self.end((action.kind, s, action.micro_batch)) for s, action in self._all_actions)

    @cached_property
    def _all_actions(self) -> list[tuple[int, Action]]:
        return [(s, action) for s in range(len(self.stages)) for action in self.schedule.stage(s)]

    @cached_property
    def _before(self) -> dict[Key, Key]:
        """The action before each action on its stage."""
        before: dict[Key, Key] = {}
        last: dict[int, Key] = {}
        for s, action in self._all_actions:
            key = (action.kind, s, action.micro_batch)
            if s in last:
                before[key] = last[s]
            last[s] = key
        return before

    @cached_property
    def _counts(self) -> dict[Key, int]:
        return {(a.kind, s, a.micro_batch): a.count for s, a in self._all_actions}

    @cached_property
    def _ends(self) -> dict[Key, int]:
        return {}

    def end(self, key: Key) -> int:
        """Return when something ends; walks back with a list of its own, since graphs are deep."""
        pending = [key]
        while pending:
            top = pending[-1]
            missing = [p for p in self._predecessors(top) if p not in self._ends]
            if missing:
                pending.extend(missing)
                continue
            # The host waits for a forward's start (a place frees at the first stage), all else for an end.
            starts = [
                self._ends[p] - (self._duration(p) if top[0] == "host" and p[0] == "F" else 0)
                for p in self._predecessors(top)
            ]
            self._ends[top] = max(starts, default=0) + self._duration(top)
            pending.pop()
        return self._ends[key]

    def _predecessors(self, key: Key) -> list[Key]:
        what, s, k = key
        last = len(self.stages) - 1
        found: list[Key] = []
        if what in ("F", "B", "U") and key in self._before:
            found.append(self._before[key])
        if what == "F":
            found.append(("values", s - 1, k) if s else ("host", 0, k))
        elif what == "B" and s < last:
            found.append(("gradients", s, k))
        elif what == "values":
            found.append(("F", s, k))
            if k:
                found.append(("values", s, k - 1))
        elif what == "gradients":
            found.append(("B", s + 1, k))
            if k:
                found.append(("gradients", s, k - 1))
        elif what == "host":
            if k:
                found.append(("host", 0, k - 1))
            if k >= self.transfers.prefetch:
                found.append(("F", 0, k - self.transfers.prefetch))
        return found

    def _duration(self, key: Key) -> int:
        what, s, _ = key
        if what == "host":
            return self.transfers.host
        if what == "values":
            return self.transfers.values[s]
        if what == "gradients":
            return self.transfers.gradients[s]
        times = self.stages[s]
        if what == "U":
            return times.update[self._counts[key]]
        return times.forward if what == "F" else times.backward
