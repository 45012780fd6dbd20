"""The event kernel: a `simpy.Environment` with a time axis in integer picoseconds.

It knows no chip. Events at one time run by priority, then in the order in which they were entered (SimPy orders by
time, priority and sequence), so a run has one total order. Events are entered by `schedule` and taken by `step`: a
loop of our own over SimPy's queue was tried, and gains less than a tenth (`docs/architecture.md`).
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import simpy
from simpy.core import EmptySchedule, Infinity
from simpy.events import NORMAL, Event

__all__ = ["LONGEST_PS", "Alarm", "Kernel", "TimeLimitError"]

#: The last moment that tables and timelines can hold.
LONGEST_PS = 2**63 - 1


class TimeLimitError(OverflowError):
    """Something would happen after the last moment that can be told."""


class Alarm(Event):
    """What SimPy's `Timeout` is, without what nobody asks of it here: a value of its own, and a delay to print."""

    _ok = True
    _value = None

    def __init__(self, call: Callable[[Event], Any]) -> None:
        self.callbacks = [call]


class _Call:
    """A method of an object that may itself still be under restoration."""

    __slots__ = ("__name__", "__self__")

    def __init__(self, owner: object, method: str) -> None:
        self.__self__ = owner
        self.__name__ = method

    def __call__(self, event: Event) -> None:
        getattr(self.__self__, self.__name__)(event)


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
    events : int
        Alarms entered so far.
    """

    def __init__(self, limit_ps: int = LONGEST_PS) -> None:
        super().__init__(initial_time=0)
        self._limit_ps = limit_ps
        self.events = 0

    @property
    def now(self) -> int:
        """The simulated time in picoseconds."""
        return self._now  # type: ignore[return-value]

    def after(self, delay_ps: int, call: Callable[[Event], Any]) -> None:
        """Call back after a delay; even a delay of zero goes through the queue.

        Raises
        ------
        TimeLimitError
            If that would be after the last moment.
        """
        if delay_ps < 0:
            raise ValueError(f"nothing can happen {-delay_ps} ps ago")
        time_ps = self._now + delay_ps
        if time_ps > self._limit_ps:
            raise TimeLimitError(f"{time_ps} ps is after the last moment, {self._limit_ps} ps")
        self.schedule(Alarm(call), NORMAL, delay_ps)
        self.events += 1

    def advance(self, pause: Callable[[], bool] | None = None) -> bool:
        """Go on until no event is left.

        Parameters
        ----------
        pause : callable, optional
            Asked after every event; where it says True, this stops between two events.

        Returns
        -------
        bool
            Whether no event is left.
        """
        step = self.step
        try:
            while True:
                step()
                if pause is not None and pause():
                    return self.peek() == Infinity
        except EmptySchedule:
            return True

    def __getstate__(self) -> dict[str, Any]:
        """Return time, count and pending calls in their order: what a checkpoint keeps."""
        pending = []
        for time_ps, _, _, alarm in sorted(self._queue, key=lambda entry: entry[:3]):
            (call,) = alarm.callbacks
            pending.append((time_ps, *_owner_and_name(call)))
        return {"now": self.now, "events": self.events, "limit_ps": self._limit_ps, "pending": pending}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Enter the pending calls again, in the same order."""
        super().__init__(initial_time=state["now"])
        self._limit_ps = state["limit_ps"]
        self.events = 0
        for time_ps, owner, method in state["pending"]:
            self.after(time_ps - state["now"], _Call(owner, method))
        self.events = state["events"]
