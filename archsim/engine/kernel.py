"""The event kernel: SimPy's event queue with a time axis in integer picoseconds.

It knows no chip. Events at the same time run in the order in which they were entered (SimPy orders
by time, priority and sequence), so a run has one total order.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MethodType
from typing import Any

import simpy
from simpy.events import NORMAL, Event

__all__ = ["Kernel"]


class _Alarm(Event):
    """What SimPy's `Timeout` is, without what nobody asks of it here: a value, a delay to print."""

    _ok = True
    _value = None

    def __init__(self, environment: simpy.Environment, call: Callable[[Event], Any]) -> None:
        self.env = environment
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


class Kernel:
    """Simulated time and what happens at it.

    Attributes
    ----------
    events : int
        Events entered so far.
    """

    __slots__ = ("_environment", "events")

    def __init__(self) -> None:
        self._environment = simpy.Environment(initial_time=0)
        self.events = 0

    @property
    def now(self) -> int:
        """The simulated time in picoseconds."""
        return self._environment._now  # type: ignore[return-value]

    def after(self, delay_ps: int, call: Callable[[Event], Any]) -> None:
        """Call back after a delay; even a delay of zero goes through the queue."""
        if delay_ps < 0:
            raise ValueError(f"nothing can happen {-delay_ps} ps ago")
        environment = self._environment
        environment.schedule(_Alarm(environment, call), NORMAL, delay_ps)
        self.events += 1

    def run(self, pause: Callable[[], bool] | None = None) -> bool:
        """Run until no event is left.

        Parameters
        ----------
        pause : callable, optional
            Asked after every event; where it says True, the run stops between two events.

        Returns
        -------
        bool
            Whether no event is left.
        """
        queue, step = self._environment._queue, self._environment.step
        if pause is None:
            while queue:
                step()
            return True
        while queue:
            step()
            if pause():
                return not queue
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Return time, count and pending calls in their order: what a checkpoint keeps."""
        pending = []
        for time_ps, _, _, event in sorted(self._environment._queue, key=lambda entry: entry[:3]):
            pending += [(time_ps, *_owner_and_name(call)) for call in event.callbacks or ()]
        return {"now": self.now, "events": self.events, "pending": pending}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Enter the pending calls again, in the same order."""
        self._environment = simpy.Environment(initial_time=state["now"])
        self.events = 0
        for time_ps, owner, method in state["pending"]:
            self.after(time_ps - state["now"], _Call(owner, method))
        self.events = state["events"]
