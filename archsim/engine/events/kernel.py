"""The event kernel: a `simpy.Environment` with a time axis in integer picoseconds.

It knows no chip. Events at one time run by priority, then in the order in which they were entered (SimPy orders by
time, priority and sequence), so a run has one total order. The chip's own alarms take a shorter path through the same
queue: a call stands there in place of an event (`docs/architecture.md` says what that gains). Whatever else is entered
goes SimPy's way.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from types import MethodType
from typing import Any

import simpy
from simpy.events import NORMAL, Event

__all__ = ["LONGEST_PS", "Kernel", "TimeLimitError"]

#: The last moment that tables and timelines can hold.
LONGEST_PS = 2**63 - 1


class TimeLimitError(OverflowError):
    """Something would happen after the last moment that can be told."""


class _Call:
    """A method of an object that may itself still be under restoration."""

    __slots__ = ("__name__", "__self__")

    def __init__(self, owner: object, method: str) -> None:
        self.__self__ = owner
        self.__name__ = method

    def __call__(self) -> None:
        getattr(self.__self__, self.__name__)()


def _owner_and_name(call: object) -> tuple[object, str]:
    if not isinstance(call, (MethodType, _Call)):
        raise TypeError(f"only methods of objects can be called back, not {call!r}")
    return call.__self__, call.__name__


class Kernel(simpy.Environment):
    """Simulated time and what happens at it.

    Parameters
    ----------
    limit_ps : int
        Nothing happens after this moment.

    Attributes
    ----------
    now : int
        The simulated time in picoseconds. It hides SimPy's property, which everything that happens would have to call.
    events : int
        What was entered so far: alarms, and events of SimPy's.
    """

    now = 0

    def __init__(self, limit_ps: int = LONGEST_PS) -> None:
        super().__init__(initial_time=0)
        self._limit_ps = limit_ps
        self._count_from(0)

    def _count_from(self, entered: int) -> None:
        self._eid = count(entered)
        self._next = self._eid.__next__

    @property
    def events(self) -> int:
        """What was entered so far."""
        return int(self._eid.__reduce__()[1][0])

    @property
    def _now(self) -> int:
        """SimPy's name of the time."""
        return self.now

    @_now.setter
    def _now(self, time_ps: int) -> None:
        self.now = time_ps

    def after(self, delay_ps: int, call: Callable[[], Any]) -> None:
        """Call back after a delay; even a delay of zero goes through the queue.

        Raises
        ------
        TimeLimitError
            If that would be after the last moment.
        """
        now = self.now
        time_ps = now + delay_ps
        if not now <= time_ps <= self._limit_ps:
            if delay_ps < 0:
                raise ValueError(f"nothing can happen {-delay_ps} ps ago")
            raise TimeLimitError(f"{time_ps} ps is after the last moment, {self._limit_ps} ps")
        heappush(self._queue, (time_ps, NORMAL, self._next(), call))  # type: ignore[misc]

    def step(self) -> None:
        """Let the next thing happen: an alarm, or an event of SimPy's."""
        time_ps, _, _, event = self._queue[0]
        if isinstance(event, Event):
            super().step()
        else:
            heappop(self._queue)
            self.now = time_ps
            event()

    def advance(self, pause: Callable[[], bool] | None = None) -> bool:
        """Go on until no alarm is left.

        Parameters
        ----------
        pause : callable, optional
            Asked after every alarm; where it says True, this stops between two of them.

        Returns
        -------
        bool
            Whether no alarm is left.
        """
        queue: list[Any] = self._queue
        # Both do what `step` does where nobody has entered an event.
        while queue and pause is None:
            self.now, _, _, call = heappop(queue)
            call()
        while queue and pause is not None:
            self.now, _, _, call = heappop(queue)
            call()
            if pause():
                return not queue
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Return time, count and pending calls in their order: what a checkpoint keeps."""
        pending = []
        for time_ps, _, _, call in sorted(self._queue, key=lambda entry: entry[:3]):
            pending.append((time_ps, *_owner_and_name(call)))
        return {"now": self.now, "events": self.events, "limit_ps": self._limit_ps, "pending": pending}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Enter the pending calls again, in the same order."""
        super().__init__(initial_time=state["now"])
        self.now = state["now"]
        self._limit_ps = state["limit_ps"]
        self._count_from(0)
        for time_ps, owner, method in state["pending"]:
            self.after(time_ps - state["now"], _Call(owner, method))
        self._count_from(state["events"])
