"""Ctrl-C and SIGTERM: the first asks a run to stop between two events, the second ends it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["StopRequest", "stop_requests"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Says, when called, whether somebody wants the run to stop.

    As long as nobody has called, there is nothing to save: a signal ends the run at once. So does a
    second one.
    """

    def __init__(self) -> None:
        self._heeded = False
        self._made = False

    def __call__(self) -> bool:
        """Return whether a signal has come; from now on the first one is only noted."""
        self._heeded = True
        return self._made

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        if self._made or not self._heeded:
            raise KeyboardInterrupt
        self._made = True


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Yield a request that signals make; afterwards they do what they did before."""
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():  # Signals reach the main thread only.
        yield request
        return
    before = {number: signal.signal(number, request.receive) for number in _SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
