"""An event loop of a few lines: processes are generators, and a queue in the order of time and entry is all there is.

A process yields a number of picoseconds to wait for, or a `Signal` to wait for.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from itertools import count

__all__ = ["Clock", "Gate", "Job", "Policy", "Process", "Server", "Signal", "Slice", "Space", "Wait", "Work"]


class Signal:
    """Something that happens once, for which processes may wait."""

    def __init__(self) -> None:
        self.fired = False
        self._waiting: list[Callable[[], None]] = []

    def fire(self) -> None:
        self.fired = True
        for call in self._waiting:
            call()
        self._waiting.clear()

    def then(self, call: Callable[[], None]) -> None:
        if self.fired:
            call()
        else:
            self._waiting.append(call)


Wait = int | Signal
Process = Generator[Wait, None, None]
#: Unit, start, end, action and micro-batch of a piece of work.
Slice = tuple[str, int, int, str, int]


@dataclass
class Clock:
    """Time in picoseconds, and what has been done until now."""

    now: int = 0
    slices: list[Slice] = field(default_factory=list)
    _queue: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _entries: count[int] = field(default_factory=count)

    def after(self, delay: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + delay, next(self._entries), call))

    def run(self) -> None:
        while self._queue:
            self.now, _, call = heapq.heappop(self._queue)
            call()

    def start(self, process: Process) -> Signal:
        """Start a process and return the signal of its end."""
        ended = Signal()

        def go_on() -> None:
            wait = next(process, None)
            if wait is None:
                ended.fire()
            elif isinstance(wait, Signal):
                wait.then(go_on)
            else:
                self.after(wait, go_on)

        go_on()
        return ended

    def did(self, unit: str, start: int, end: int, action: str, micro_batch: int) -> None:
        if end > start:
            self.slices.append((unit, start, end, action, micro_batch))


class Gate:
    """What one action passes at a time, in the order in which they come: each until so many of its pieces have."""

    def __init__(self, freed: Callable[[], None]) -> None:
        self._freed = freed
        self._turns: list[tuple[int, Signal]] = []

    @property
    def free(self) -> bool:
        return not self._turns

    def enter(self, pieces: int) -> Signal:
        """Return the signal of the turn of an action."""
        turn = Signal()
        self._turns.append((pieces, turn))
        if len(self._turns) == 1:
            turn.fire()
        return turn

    def passed(self) -> None:
        """A piece of the action whose turn it is has passed."""
        left, turn = self._turns[0]
        if left > 1:
            self._turns[0] = left - 1, turn
            return
        del self._turns[0]
        if self._turns:
            self._turns[0][1].fire()
        else:
            self._freed()


#: How a unit chooses: the name of a policy, and for a priority the actions in their order.
Policy = tuple[str, tuple[str, ...]]


#: Work of a unit: stage, action, micro-batch, the part of the action, and how often the same was asked for before.
Work = tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Job:
    """A piece of work for a unit, and the signals of its start and its end."""

    duration: int
    stage: int
    action: str
    micro_batch: int
    part: tuple[object, ...] = ()
    started: Signal = field(default_factory=Signal)
    done: Signal = field(default_factory=Signal)


class Server:
    """A unit that serves one piece of work at a time; of those that wait, a policy takes the next.

    `served` is the work in the order of service. Where `order` tells one, the unit keeps it, and waits for who comes
    next in it.
    """

    def __init__(self, clock: Clock, name: str, policy: Policy, order: Sequence[Work] | None = None) -> None:
        self.clock = clock
        self.name = name
        self.policy = policy
        self.order = order
        self.served: list[Work] = []
        self._asked: Counter[Work] = Counter()
        self._names: dict[Job, Work] = {}
        self._working = False
        self._waiting: list[Job] = []

    def serve(self, job: Job) -> Job:
        """Ask for a time of work, on behalf of a stage."""
        name = job.stage, job.action, job.micro_batch, *job.part
        self._asked[name] += 1
        self._names[job] = (*name, self._asked[name])
        self._waiting.append(job)
        if not self._working:
            self._start_next(job)
        return job

    def _start_next(self, served: Job) -> None:
        if self.order is None:
            self._start(self._waiting.pop(self._next(served)))
            return
        for place, job in enumerate(self._waiting):
            if self._names[job] == self.order[len(self.served)]:
                self._start(self._waiting.pop(place))
                return

    def _start(self, job: Job) -> None:
        self._working = True
        self.served.append(self._names.pop(job))
        start = self.clock.now

        def end() -> None:
            self.clock.did(self.name, start, self.clock.now, job.action, job.micro_batch)
            self._working = False
            if self._waiting:
                self._start_next(job)
            job.done.fire()

        job.started.fire()
        self.clock.after(job.duration, end)

    def _next(self, served: Job) -> int:
        """Return the place of the next job among those that wait: of equal ones the first."""
        kind, order = self.policy
        if kind == "round-robin":
            # The next stage after the one that was served; behind the last stage comes the first.
            turns = [(job.stage <= served.stage, job.stage) for job in self._waiting]
            return turns.index(min(turns))
        ranks = [order.index(job.action) if job.action in order else len(order) for job in self._waiting]
        return ranks.index(min(ranks))


class Space:
    """Room for so many bytes, claimed in the order of arrival.

    Each owner can always have what it is guaranteed; the rest is for whoever asks first, and no claim of an owner
    passes an earlier one.
    """

    def __init__(self, size: int | None, guaranteed: dict[int, int]) -> None:
        self.size = size
        self.guaranteed = guaranteed
        self.used = dict.fromkeys(guaranteed, 0)
        self._waiting: list[tuple[int, int, Signal]] = []

    def claim(self, owner: int, size: int) -> Signal:
        granted = Signal()
        self._waiting.append((owner, size, granted))
        self._grant()
        return granted

    def release(self, owner: int, size: int) -> None:
        self.used[owner] -= size
        self._grant()

    def _grant(self) -> None:
        while (place := self._first()) is not None:
            owner, size, granted = self._waiting.pop(place)
            self.used[owner] += size
            granted.fire()

    def _first(self) -> int | None:
        behind: set[int] = set()
        for place, (owner, size, _) in enumerate(self._waiting):
            if owner not in behind and self._fits(owner, size):
                return place
            behind.add(owner)
        return None

    def _fits(self, owner: int, size: int) -> bool:
        kept = sum(max(self.guaranteed[other], used) for other, used in self.used.items() if other != owner)
        return self.size is None or kept + self.used[owner] + size <= self.size
