"""The event kernel: SimPy's event queue with a time axis in integer picoseconds.

It knows no chip. Events at the same time run in the order in which they were entered (SimPy orders
by time, priority and sequence), so a run has one total order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy
from simpy.events import Event, Timeout

__all__ = ["Kernel"]


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
        return self._environment.now  # type: ignore[return-value]

    def after(self, delay_ps: int, call: Callable[[Event], Any]) -> None:
        """Call back after a delay; even a delay of zero goes through the queue."""
        event = Timeout(self._environment, delay_ps)
        event.callbacks.append(call)
        self.events += 1

    def run(self) -> None:
        """Run until no event is left."""
        self._environment.run()
