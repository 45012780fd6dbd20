"""Threads that share one operation of one array; results never depend on their number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from types import TracebackType
from typing import Self, TypeVar

__all__ = ["Workers"]

Result = TypeVar("Result")


class Workers:
    """A fixed number of threads, of which one is the caller's own.

    The kernels release the interpreter lock, so that parts of an operation run side by side.
    """

    def __init__(self, threads: int = 1) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(threads - 1, "archsim") if threads > 1 else None

    def map(self, function: Callable[[int, int], Result], parts: Sequence[tuple[int, int]]) -> list[Result]:
        """Return ``function(begin, end)`` of every part, in order."""
        if self._pool is None or len(parts) < 2:
            return [function(begin, end) for begin, end in parts]
        results: dict[int, Result] = {}
        left = iter(range(len(parts)))

        def work() -> None:
            # Whoever is free takes the next part.
            for number in left:
                results[number] = function(*parts[number])

        others = [self._pool.submit(work) for _ in range(min(self.threads, len(parts)) - 1)]
        try:
            work()
        finally:
            wait(others)
        for other in others:
            other.result()
        return [results[number] for number in range(len(parts))]

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
