"""Threads that share one operation of one array; results never depend on their number."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["Workers"]

Result = TypeVar("Result")
#: What waits for a thread; None ends one.
Tasks = SimpleQueue[Callable[[], None] | None]


class Workers:
    """A fixed number of threads, of which one is the caller's own.

    The kernels release the interpreter lock, so that parts of an operation run side by side. Operations take a
    millisecond or less, of which handing them over through futures would take a twentieth more than these queues do.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._tasks: Tasks = SimpleQueue()
        self._others = [Thread(target=_serve, args=[self._tasks], daemon=True) for _ in range(1, threads)]
        for other in self._others:
            other.start()
        # Threads end with whom they work for, closed or forgotten.
        self._end = weakref.finalize(self, _end, self._tasks, len(self._others))

    def map(self, function: Callable[[int, int], Result], parts: Sequence[tuple[int, int]]) -> list[Result]:
        """Return ``function(begin, end)`` of every part, in order."""
        helpers = min(len(self._others), len(parts) - 1)
        if helpers < 1:
            return [function(begin, end) for begin, end in parts]
        results: dict[int, Result] = {}
        left = iter(range(len(parts)))
        ended: SimpleQueue[BaseException | None] = SimpleQueue()

        def work() -> None:
            # Whoever is free takes the next part.
            for number in left:
                results[number] = function(*parts[number])

        def help_out() -> None:
            failure: BaseException | None = None
            try:
                work()
            except BaseException as error:  # it is the caller's
                failure = error
            ended.put(failure)

        for _ in range(helpers):
            self._tasks.put(help_out)
        try:
            work()
        finally:
            failures = [ended.get() for _ in range(helpers)]
        for failure in failures:
            if failure is not None:
                raise failure
        return [results[number] for number in range(len(parts))]

    def close(self) -> None:
        """End the threads; what comes after is the caller's alone."""
        self._end()
        for other in self._others:
            other.join()
        self._others = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _serve(tasks: Tasks) -> None:
    while (task := tasks.get()) is not None:
        task()
        del task  # what it holds may be forgotten while this thread waits


def _end(tasks: Tasks, threads: int) -> None:
    for _ in range(threads):
        tasks.put(None)
